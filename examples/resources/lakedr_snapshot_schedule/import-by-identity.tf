import {
  to       = lakedr_snapshot_schedule.audit
  identity = { name = "audit_weekly" }
}
