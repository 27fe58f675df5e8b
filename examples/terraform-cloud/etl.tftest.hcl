# terraform test: what the root declares, in a control store that is thrown away.

variables {
  region      = "us-east-1"
  control_url = "file:///tmp/lakedr-terraform-test"
}

run "tables_of_one_workflow_are_one_group" {
  command = plan

  assert {
    condition     = length(lakedr_sync_group.etl.tables) == 2
    error_message = "The tables that the workflow writes belong to one group."
  }

  assert {
    condition     = lakedr_sync_group.etl.initial_active_region == lakedr_external_location.east.region
    error_message = "The group begins in the region of its primary location."
  }
}

run "only_the_own_region_is_probed" {
  command = plan

  assert {
    condition     = !lakedr_external_location.east.skip_validation && lakedr_external_location.west.skip_validation
    error_message = "A run probes the location of its own region, and no other."
  }
}

run "tables_lie_below_their_root" {
  command = plan

  assert {
    condition     = output.standby_tables == ["s3://acme-lake-west/tables/cat/raw/bronze", "s3://acme-lake-west/tables/cat/stage/silver"]
    error_message = "The standby tables lie where the readers of the west look for them."
  }
}
