# every location of the west: terraform query
list "lakedr_external_location" "west" {
  provider = lakedr

  config {
    name_prefix = "west"
  }
}
