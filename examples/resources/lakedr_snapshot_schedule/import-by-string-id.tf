import {
  to = lakedr_snapshot_schedule.audit
  id = "audit_weekly"
}
