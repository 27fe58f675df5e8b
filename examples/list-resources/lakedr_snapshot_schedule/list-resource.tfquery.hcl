# every weekly schedule: terraform query
list "lakedr_snapshot_schedule" "weekly" {
  provider = lakedr

  config {
    name_prefix = "weekly_"
  }
}
