import {
  to = lakedr_sync_group.etl
  id = "etl"
}
