data "lakedr_recovery_points" "etl" {
  group = "etl"
}

# The runs that the standby region has held, newest first.
output "runs" {
  value = try(data.lakedr_recovery_points.etl.recovery_points[*].run_id, [])
}
