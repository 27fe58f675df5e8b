# One configuration, applied once in each region: only `region` and `control_url` differ between the two.

terraform {
  required_version = ">= 1.8"
  required_providers {
    lakedr = { source = "registry.terraform.io/lakedr/lakedr" }
  }
}

provider "lakedr" {
  region      = var.region
  control_url = var.control_url
}

# Each region has one place for copies, the group log and metadata. It is used while its region is the standby one.
resource "lakedr_external_location" "east" {
  name            = "east_sync"
  region          = var.east.region
  url             = var.east.location
  storage_options = var.east.storage_options
  secret_options  = var.east.secret_options
}

resource "lakedr_external_location" "west" {
  name            = "west_sync"
  region          = var.west.region
  url             = var.west.location
  storage_options = var.west.storage_options
  secret_options  = var.west.secret_options
}

# The tables of one workflow. The standby region only ever shows the end of a finished run, for all of them at once.
resource "lakedr_sync_group" "etl" {
  name                  = "etl"
  initial_active_region = var.east.region

  primary = {
    region     = var.east.region
    location   = lakedr_external_location.east.name
    table_root = var.east.lake
  }

  secondary = {
    region     = var.west.region
    location   = lakedr_external_location.west.name
    table_root = var.west.lake
  }

  tables = [for name in var.tables : { name = name }]

  # The workflow says when a run begins and ends: `lakedr mark start`, `lakedr mark finish`.
  workflow = {
    marker = { url = var.runs, secondary_url = var.runs_secondary }
  }

  rpo_target = "1h"
  rto_target = "4h"
}

data "lakedr_sync_status" "etl" {
  group = lakedr_sync_group.etl.name
}
