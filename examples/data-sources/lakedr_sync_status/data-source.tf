data "lakedr_sync_status" "etl" {
  group = "etl"
}

# What a failover would continue from.
output "recovery_point" {
  value = data.lakedr_sync_status.etl.recovery_point
}

# Warns in every plan while the recovery point objective is missed.
check "rpo" {
  assert {
    condition     = data.lakedr_sync_status.etl.rpo_met != false
    error_message = "The newest recovery point of the sync group etl is older than its rpo_target."
  }
}
