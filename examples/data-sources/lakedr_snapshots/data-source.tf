data "lakedr_snapshots" "weekly" {
  schedule = "etl_weekly"
}

# The IDs of the snapshots, newest first, as lakedr snapshot restore takes them.
output "snapshots" {
  value = try(data.lakedr_snapshots.weekly.snapshots[*].id, [])
}
