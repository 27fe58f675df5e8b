# All snapshot schedules whose names begin with "weekly_".
list "lakedr_snapshot_schedule" "weekly" {
  provider = lakedr

  config {
    name_prefix = "weekly_"
  }
}
