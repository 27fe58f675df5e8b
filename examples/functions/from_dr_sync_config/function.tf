variable "dr_sync_config" {
  type        = string
  description = "The JSON configuration of dr_sync_job, for example file(\"config.json\")."
  default     = <<-JSON
    {
      "secret_scope": "dr-scope",
      "workspaces": [{
        "workspace_name": "east",
        "workspace_instance_url": "https://adb-1.azuredatabricks.net",
        "workspace_pat_key": "dr-pat-key",
        "sync_location_primary": "abfss://dr-sync@eastdr.dfs.core.windows.net",
        "sync_location_secondary": "abfss://dr-sync@westdr.dfs.core.windows.net",
        "sync_groups": [
          { "group_name": "etl", "workflow": "etl", "tables": ["cat.raw.bronze", "cat.stage.silver"] }
        ]
      }]
    }
  JSON
}

locals {
  imported = provider::lakedr::from_dr_sync_config(var.dr_sync_config)

  # what the file does not say
  regions   = { primary = "eastus2", secondary = "westus2" }
  secondary = { url = "https://adb-2.azuredatabricks.net", token = "databricks://dr-scope/dr-pat-key" }
}

resource "lakedr_external_location" "imported" {
  for_each = local.imported.external_locations

  name    = each.key
  region  = local.regions[each.value.region]
  url     = each.value.url
  comment = each.value.comment
}

resource "lakedr_sync_group" "imported" {
  for_each   = local.imported.sync_groups
  depends_on = [lakedr_external_location.imported]

  name                  = each.key
  owner_email           = each.value.owner_email
  initial_active_region = local.regions[each.value.initial_active_region]
  primary               = merge(each.value.primary, { region = local.regions.primary })
  secondary = merge(each.value.secondary, {
    region    = local.regions.secondary
    workspace = local.secondary
    catalog   = local.secondary
  })
  tables        = each.value.tables
  workflow      = each.value.workflow
  schedule      = each.value.schedule
  retry         = each.value.retry
  rpo_target    = each.value.rpo_target
  notifications = each.value.notifications
}

output "notes" {
  value = local.imported.notes
}
