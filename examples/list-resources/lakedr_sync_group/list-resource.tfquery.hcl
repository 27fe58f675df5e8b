# All sync groups whose names begin with "etl_".
list "lakedr_sync_group" "etl" {
  provider = lakedr

  config {
    name_prefix = "etl_"
  }
}
