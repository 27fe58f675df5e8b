# the groups of one team: terraform query
list "lakedr_sync_group" "etl" {
  provider = lakedr

  config {
    name_prefix = "etl_"
  }
}
