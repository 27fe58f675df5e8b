resource "lakedr_external_location" "east" {
  name   = "east_sync"
  region = "eastus2"
  url    = "abfss://dr-sync@eastdr.dfs.core.windows.net/"
}

resource "lakedr_external_location" "west" {
  name   = "west_sync"
  region = "westus2"
  url    = "abfss://dr-sync@westdr.dfs.core.windows.net/"
}

# The tables that a Databricks job writes. The standby region always holds the end of a successful run, for all of them at once.
resource "lakedr_sync_group" "etl" {
  name                  = "etl"
  owner_email           = "data-team@example.com"
  initial_active_region = "eastus2"

  primary = {
    region     = "eastus2"
    location   = lakedr_external_location.east.name
    table_root = "abfss://lake@east.dfs.core.windows.net/"
    workspace = {
      url   = "https://adb-1111111111111111.1.azuredatabricks.net"
      token = "databricks://dr-scope/east-token"
    }
  }

  secondary = {
    region     = "westus2"
    location   = lakedr_external_location.west.name
    table_root = "abfss://lake@west.dfs.core.windows.net/"
    workspace = {
      url   = "https://adb-2222222222222222.2.azuredatabricks.net"
      token = "databricks://dr-scope/west-token"
    }
  }

  tables = [
    { name = "cat.raw.bronze" },
    { name = "cat.stage.silver" },
    {
      name          = "cat.mart.gold"
      primary_url   = "abfss://mart@east.dfs.core.windows.net/gold"
      secondary_url = "abfss://mart@west.dfs.core.windows.net/gold"
    },
  ]

  workflow = {
    databricks_job = { name = "etl" }
  }

  schedule   = { interval = "15m" }
  rpo_target = "1h"
  rto_target = "4h"

  notifications = {
    on_failure = ["mailto:data-team@example.com"]
  }
}

# Tables without a workflow. Their state at one instant is copied every night.
resource "lakedr_sync_group" "reference" {
  name                  = "reference"
  initial_active_region = "eastus2"

  primary = {
    region     = "eastus2"
    location   = lakedr_external_location.east.name
    table_root = "abfss://lake@east.dfs.core.windows.net/"
  }
  secondary = {
    region     = "westus2"
    location   = lakedr_external_location.west.name
    table_root = "abfss://lake@west.dfs.core.windows.net/"
  }

  tables   = [{ name = "cat.ref.currencies" }, { name = "cat.ref.countries" }]
  schedule = { cron = "0 2 * * *", timezone = "UTC" }
}
