import {
  to = lakedr_snapshot_schedule.etl
  id = "etl_weekly"
}
