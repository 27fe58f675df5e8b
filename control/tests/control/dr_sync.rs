//! The configuration of `dr_sync_job`, field by field.

use lakedr_control::dr_sync::{Concern, Imported, Places, Rejected, import};
use lakedr_control::validate::{Specs, validate_all};
use serde_json::{Value, json};

/// A configuration with every field that the job knows.
fn full() -> Value {
    json!({
        "secret_scope": "dr-test-scope",
        "workspaces": [{
            "workspace_name": "dr_test_eastus2_databricks",
            "workspace_instance_url": "https://adb-1.azuredatabricks.net/",
            "workspace_pat_key": "dr-pat-key",
            "sync_location_primary": "abfss://dr-sync@eastus2drstorageacct.dfs.core.windows.net",
            "sync_location_secondary": "abfss://dr-sync@westus2drstorageacct.dfs.core.windows.net",
            "sync_failure_notification": "oncall@example.com",
            "sync_success_notification": ["team@example.com", "log@example.com"],
            "sync_interval_mins": 15,
            "sync_failover_interval_mins": 120,
            "sync_max_retries": "3",
            "sync_groups": [
                {
                    "group_name": "sample_workflow_1",
                    "group_owner_email": "user@example.com",
                    "workflow": "sample_workflow_1",
                    "tables": ["dr_test_catalog.raw.workflow_1_bronze", "dr_test_catalog.stage.workflow_1_silver"]
                },
                {"group_name": "scheduled_sync", "tables": ["dr_test_catalog.raw.raw_data"]}
            ]
        }]
    })
}

fn places() -> Places {
    Places {
        primary_region: "eastus2".to_owned(),
        secondary_region: "westus2".to_owned(),
        secondary_workspace: Some("https://adb-2.azuredatabricks.net".to_owned()),
    }
}

fn imported(config: &Value) -> Imported {
    import(&config.to_string(), &places()).unwrap()
}

fn problems(config: &Value) -> Vec<String> {
    match import(&config.to_string(), &places()) {
        Err(Rejected::Content { problems }) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

/// What the notes of a concern are about.
fn about(imported: &Imported, concern: Concern) -> Vec<&str> {
    imported.notes.iter().filter(|note| note.concern == concern).map(|note| note.field.as_str()).collect()
}

#[test]
fn every_field_finds_its_place() {
    let imported = imported(&full());
    insta::assert_json_snapshot!("dr_sync_imported", imported);
}

#[test]
fn the_result_keeps_every_rule() {
    let Imported { external_locations, sync_groups, violations, .. } = imported(&full());
    let specs = Specs { external_locations, sync_groups, ..Specs::default() };
    assert_eq!(validate_all(&specs), []);
    assert_eq!(violations, []);
}

#[test]
fn what_is_absent_has_the_defaults_of_the_job() {
    let mut config = full();
    let workspace = config["workspaces"][0].as_object_mut().unwrap();
    for field in ["sync_interval_mins", "sync_failover_interval_mins", "sync_max_retries"] {
        workspace.remove(field);
    }
    workspace.remove("sync_failure_notification");
    workspace.insert("sync_success_notification".to_owned(), Value::Null);
    let imported = imported(&config);
    let group = &imported.sync_groups[0];
    assert_eq!(group.schedule.as_ref().unwrap().interval.as_deref(), Some("12h"));
    assert_eq!(group.rpo_target.as_deref(), Some("36h"));
    assert_eq!(group.retry.max_attempts, 4, "three retries after the first attempt");
    assert_eq!(group.notifications, None);
    assert_eq!(
        about(&imported, Concern::Default),
        ["sync_interval_mins", "sync_failover_interval_mins", "sync_max_retries"]
            .map(|field| format!("workspaces[0].{field}"))
    );
}

#[test]
fn all_that_is_missing_or_malformed_is_told_at_once() {
    let config = json!({"workspaces": [{
        "workspace_name": 7, "workspace_instance_url": "https://x", "sync_location_primary": "s3://a",
        "sync_location_secondary": "", "sync_interval_mins": "soon", "sync_failover_interval_mins": 0,
        "sync_groups": [{"tables": []}, "etl"],
    }]});
    insta::assert_snapshot!(problems(&config).join("\n"));
    assert_eq!(problems(&json!([])), [" is not an object"]);
    assert!(matches!(import("{", &places()), Err(Rejected::NotJson { .. })));
}

#[test]
fn places_that_we_cannot_use_are_named() {
    let mut config = full();
    config["workspaces"][0]["sync_location_primary"] = json!("dbfs:/mnt/dr");
    config["workspaces"][0]["sync_groups"][0]["tables"][0] = json!("only.two");
    let problems = problems(&config);
    assert!(
        problems[0].starts_with("workspaces[0].sync_location_primary cannot be used: \"dbfs:/mnt/dr\""),
        "{problems:?}"
    );
    assert!(
        problems[1].starts_with("workspaces[0].sync_groups[0].tables[0] cannot be used: \"only.two\""),
        "{problems:?}"
    );
}

#[test]
fn what_the_file_does_not_say_is_a_placeholder_to_be_replaced() {
    let mut config = full();
    config["workspaces"][0]["workspace_instance_url"] = json!("https://<workspace url>");
    let imported = import(&config.to_string(), &Places::default()).unwrap();
    assert_eq!(imported.violations, []);
    let url = |side: &lakedr_control::spec::SideSpec| side.workspace.clone().unwrap().url;
    assert_eq!(url(&imported.sync_groups[0].primary), "https://primary-workspace.invalid");
    assert_eq!(url(&imported.sync_groups[0].secondary), "https://secondary-workspace.invalid");
    assert_eq!(
        about(&imported, Concern::Todo),
        ["workspaces[0].workspace_instance_url", "workspaces[0]", "workspaces"]
    );
}

#[test]
fn workspaces_share_locations_and_group_names_stay_apart() {
    let mut config = full();
    let mut second = config["workspaces"][0].clone();
    second["workspace_name"] = json!("Second Workspace");
    for group in second["sync_groups"].as_array_mut().unwrap() {
        group["tables"] = json!([format!("other.raw.{}", group["group_name"].as_str().unwrap())]);
    }
    config["workspaces"].as_array_mut().unwrap().push(second);
    let imported = imported(&config);
    assert_eq!(imported.external_locations.len(), 2);
    let names: Vec<&str> = imported.sync_groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "sample_workflow_1",
            "scheduled_sync",
            "second_workspace_sample_workflow_1",
            "second_workspace_scheduled_sync"
        ]
    );
    assert_eq!(imported.violations, []);
}

/// `dr_sync_job` lets two groups write one landing path (facts C1.23).
#[test]
fn c1_23_a_table_in_two_groups_is_told() {
    let mut config = full();
    config["workspaces"][0]["sync_groups"][1]["tables"] = json!(["dr_test_catalog.raw.workflow_1_bronze"]);
    let imported = imported(&config);
    assert_eq!(imported.violations.len(), 1);
    let note = imported.notes.iter().find(|note| note.concern == Concern::Todo).unwrap();
    assert!(note.text.contains("keep the table in one group"), "{note}");
}

#[test]
fn fields_that_nobody_knows_are_named() {
    let mut config = full();
    config["workspaces"][0]["cluster"] = json!("x");
    config["workspaces"][0]["sync_groups"][0]["group_owner_email"] = json!("nobody");
    let imported = imported(&config);
    assert_eq!(
        about(&imported, Concern::Dropped),
        ["workspaces[0].cluster", "workspaces[0].sync_groups[0].group_owner_email"]
    );
    assert_eq!(imported.sync_groups[0].owner_email, None);
}
