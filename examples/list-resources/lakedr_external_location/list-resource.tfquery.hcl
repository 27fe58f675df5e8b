# All external locations whose names begin with "west".
list "lakedr_external_location" "west" {
  provider = lakedr

  config {
    name_prefix = "west"
  }
}
