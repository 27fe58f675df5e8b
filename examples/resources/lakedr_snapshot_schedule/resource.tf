resource "lakedr_external_location" "west" {
  name   = "west_sync"
  region = "westus2"
  url    = "abfss://dr-sync@westdr.dfs.core.windows.net/"
}

# A weekly snapshot of all tables of a sync group.
resource "lakedr_snapshot_schedule" "etl" {
  name = "etl_weekly"

  source = {
    sync_group = "etl"
  }
  exclude = ["*.tmp_*"]

  target = {
    location = lakedr_external_location.west.name
    prefix   = "snapshots/etl"
  }

  schedule = {
    cron     = "0 3 * * 0"
    timezone = "Europe/Berlin"
  }
  retention = {
    keep_last    = 4
    keep_weekly  = 8
    keep_monthly = 12
  }
}

# A daily snapshot of tables that are in no sync group, each complete on its own.
resource "lakedr_snapshot_schedule" "audit" {
  name = "audit_daily"
  mode = "batch"

  source = {
    region     = "eastus2"
    table_root = "abfss://lake@east.dfs.core.windows.net/"
    tables     = [{ name = "cat.audit.events" }, { name = "cat.audit.logins" }]
  }

  target = {
    location = lakedr_external_location.west.name
    prefix   = "snapshots/audit"
  }

  schedule  = { interval = "1d" }
  retention = { keep_within = "90d" }
}
