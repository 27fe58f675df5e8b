data "lakedr_snapshots" "weekly" {
  schedule = "weekly"
}

output "snapshots" {
  value = data.lakedr_snapshots.weekly.snapshots[*].id
}
