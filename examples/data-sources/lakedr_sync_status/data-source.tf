data "lakedr_sync_status" "etl" {
  group = "etl"
}

output "recovery_point" {
  value = data.lakedr_sync_status.etl.recovery_point
}
