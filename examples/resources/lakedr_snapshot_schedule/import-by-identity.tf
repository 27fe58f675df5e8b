import {
  to       = lakedr_snapshot_schedule.etl
  identity = { name = "etl_weekly" }
}
