output "active_region" {
  description = "The region whose tables the workflow writes."
  value       = lakedr_sync_group.etl.effective_active_region
}

output "epoch" {
  description = "Rises with each failover and failback."
  value       = lakedr_sync_group.etl.epoch
}
