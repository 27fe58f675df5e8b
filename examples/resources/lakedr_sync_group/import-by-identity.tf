import {
  to       = lakedr_sync_group.etl
  identity = { name = "etl" }
}
