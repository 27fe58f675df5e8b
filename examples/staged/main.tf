# Staged delivery: a sender in the active region copies each finished state to the landing area, a receiver in the standby
# region publishes it. Neither has credentials for what is the other's: see policies/.
#
# Apply it once in each region. In both, cron runs `lakedr --region <its region> send` and `… receive`: which of them has
# something to do follows from the roles in the group log, also after a failover.

terraform {
  required_version = ">= 1.8"
  required_providers {
    lakedr = { source = "registry.terraform.io/lakedr/lakedr" }
  }
}

variable "region" {
  description = "Region that this root is applied in."
  type        = string
}

provider "lakedr" {
  region      = var.region
  control_url = "s3://acme-control-${var.region}/lakedr"
}

resource "lakedr_external_location" "this" {
  for_each = toset(["east", "west"])

  name   = "${each.key}_sync"
  region = each.key
  url    = "s3://acme-dr-${each.key}"
  # the role of this region's sender cannot write to its own landing area, so there is nothing to try
  skip_validation = true
}

resource "lakedr_sync_group" "etl" {
  name                  = "etl"
  initial_active_region = "east"

  primary = {
    region     = "east"
    location   = lakedr_external_location.this["east"].name
    table_root = "s3://acme-lake-east"
  }

  secondary = {
    region     = "west"
    location   = lakedr_external_location.this["west"].name
    table_root = "s3://acme-lake-west"
  }

  tables = [{ name = "cat.raw.bronze" }, { name = "cat.mart.gold" }]

  delivery   = "staged"
  rpo_target = "1h"
}
