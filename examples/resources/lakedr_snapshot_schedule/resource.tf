resource "lakedr_external_location" "west" {
  name   = "west_sync"
  region = "westus2"
  url    = "abfss://dr-sync@westdr.dfs.core.windows.net/"
}

resource "lakedr_snapshot_schedule" "audit" {
  name = "audit_weekly"

  source = {
    region     = "eastus2"
    table_root = "abfss://lake@east.dfs.core.windows.net/"
    tables     = [{ name = "cat.audit.events" }, { name = "cat.audit.logins" }]
  }
  exclude = ["*.tmp_*"]

  target = {
    location = lakedr_external_location.west.name
    prefix   = "snapshots/audit"
  }
  mode = "incremental"

  schedule = { cron = "0 3 * * 0", timezone = "UTC" }
  retention = {
    keep_last    = 4
    keep_weekly  = 4
    keep_monthly = 12
  }
}
