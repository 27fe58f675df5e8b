data "lakedr_recovery_points" "etl" {
  group = "etl"
}

output "runs" {
  value = data.lakedr_recovery_points.etl.recovery_points[*].run_id
}
