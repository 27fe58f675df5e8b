# One root for both regions, applied by one workspace a region: dr-east and dr-west, both tagged lakedr. A run has no files of
# its own, so everything that differs is a variable of the workspace, and nothing here is a path.

terraform {
  required_version = ">= 1.8"

  cloud {
    organization = "acme"
    workspaces {
      tags = ["lakedr"]
    }
  }

  required_providers {
    lakedr = { source = "registry.terraform.io/lakedr/lakedr" }
  }
}

# No storage_options: the credentials are those of the run (docs/terraform-cloud.md).
provider "lakedr" {
  region      = var.region
  control_url = var.control_url
}

resource "lakedr_external_location" "east" {
  name   = "east_sync"
  region = "us-east-1"
  url    = "s3://acme-dr-east/lakedr"

  # a run of the west may not be allowed to write in the east; the executor of the east is
  skip_validation = var.region != "us-east-1"
}

resource "lakedr_external_location" "west" {
  name   = "west_sync"
  region = "us-west-2"
  url    = "s3://acme-dr-west/lakedr"

  skip_validation = var.region != "us-west-2"
}

resource "lakedr_sync_group" "etl" {
  name                  = "etl"
  initial_active_region = "us-east-1"

  primary = {
    region     = "us-east-1"
    location   = lakedr_external_location.east.name
    table_root = "s3://acme-lake-east/tables"
  }
  secondary = {
    region     = "us-west-2"
    location   = lakedr_external_location.west.name
    table_root = "s3://acme-lake-west/tables"
  }

  tables   = [{ name = "cat.raw.bronze" }, { name = "cat.stage.silver" }]
  workflow = { marker = { url = "s3://acme-lake-east/runs", secondary_url = "s3://acme-lake-west/runs" } }
  schedule = { interval = "15m" }
}

variable "region" {
  description = "Region that this workspace applies for."
  type        = string
}

variable "control_url" {
  description = "Control store of that region."
  type        = string
}

output "standby_tables" {
  description = "Where readers find the tables of the group in the west."
  value = [
    for table in lakedr_sync_group.etl.tables :
    provider::lakedr::table_url(lakedr_sync_group.etl.secondary.table_root, table.name)
  ]
}
