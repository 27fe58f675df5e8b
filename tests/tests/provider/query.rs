//! Point 50: `terraform query`, by the newest Terraform that the tests build.

use lakedr_e2e::terraform::Terraform;

use crate::world::{World, assert_says, flat};

/// A root module that manages nothing, and searches with this.
fn searching(world: &World, search: &str) -> Terraform {
    let terraform = Terraform::newest().unwrap();
    terraform.configure(&world.provider("eastus2")).unwrap();
    terraform.write("search.tfquery.hcl", search).unwrap();
    terraform
}

fn list(kind: &str, label: &str, body: &str) -> String {
    format!("list {kind:?} {label:?} {{\n  provider = lakedr\n  {body}\n}}\n")
}

#[test]
fn terraform_query_finds_every_kind_by_prefix_and_up_to_its_limit() {
    let world = World::applied();
    let search = [
        list("lakedr_external_location", "all", ""),
        list("lakedr_external_location", "some", "config { name_prefix = \"we\" }"),
        list("lakedr_external_location", "one", "limit = 1"),
        list("lakedr_sync_group", "groups", ""),
        list("lakedr_snapshot_schedule", "none", "config { name_prefix = \"daily\" }"),
    ];
    let terraform = searching(&world, &search.concat());
    let outcome = terraform.succeed(&["query"]).unwrap();
    let mut found: Vec<String> = outcome
        .stdout
        .lines()
        .filter(|line| line.starts_with("list."))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "list.lakedr_external_location.all name=east east",
            "list.lakedr_external_location.all name=west west",
            "list.lakedr_external_location.one name=east east",
            "list.lakedr_external_location.some name=west west",
            "list.lakedr_sync_group.groups name=etl etl",
        ]
    );
}

/// What is found becomes configuration and import blocks, which Terraform takes as they are but for one line.
#[test]
fn what_terraform_query_finds_is_imported_as_it_was_generated() {
    let world = World::applied();
    let search: String = ["lakedr_external_location", "lakedr_sync_group", "lakedr_snapshot_schedule"]
        .map(|kind| list(kind, kind, "include_resource = true"))
        .concat();
    let terraform = searching(&world, &search);
    terraform.succeed(&["query", "-generate-config-out=generated.tf"]).unwrap();
    let generated = std::fs::read_to_string(terraform.folder().join("generated.tf")).unwrap();
    // this Terraform generates an argument of import blocks that it then refuses
    let kept: Vec<&str> = generated.lines().filter(|line| line.trim() != "provider = lakedr").collect();
    assert!(kept.len() < generated.lines().count(), "the detour is of no use: {generated}");
    terraform.write("generated.tf", &kept.join("\n")).unwrap();
    std::fs::remove_file(terraform.folder().join("search.tfquery.hcl")).unwrap();

    let plan = terraform.plan_json().unwrap();
    let changes = plan["resource_changes"].as_array().unwrap();
    assert_eq!(changes.len(), 4, "{plan}");
    for change in changes {
        assert_eq!(change["change"]["actions"], serde_json::json!(["no-op"]), "{change}");
        assert!(change["change"]["importing"]["identity"]["name"].is_string(), "{change}");
    }
    terraform.apply().unwrap();
    terraform.plan_is_empty().unwrap();
    assert_eq!(world.document("sync_groups", "etl")["generation"], 1, "importing writes nothing");
}

/// Nothing but its name is known of it, and that is what its configuration says.
#[test]
fn terraform_query_goes_on_past_a_damaged_document() {
    let world = World::applied();
    std::fs::write(world.document_path("external_locations", "east"), "{").unwrap();
    let terraform = searching(&world, &list("lakedr_external_location", "all", "include_resource = true"));
    for arguments in [&["query"][..], &["query", "-generate-config-out=generated.tf"]] {
        let said = flat(&terraform.succeed(arguments).unwrap());
        assert_says(&said, &["name=east", "name=west", "Warning:", "external_locations/east.json"]);
    }
    let generated = std::fs::read_to_string(terraform.folder().join("generated.tf")).unwrap();
    assert_says(&generated, &["= \"east\"", "= \"west\""]);
    assert_says(&generated, &[&world.url("west")]);
}

#[test]
fn a_search_with_what_is_unknown_to_it_says_what_there_is() {
    let world = World::new();
    let terraform = searching(&world, &list("lakedr_volcano", "all", ""));
    assert_says(&flat(&terraform.fail(&["query"]).unwrap()), &["lakedr_volcano"]);
    let wrong = list("lakedr_sync_group", "all", "config { prefix = \"x\" }");
    terraform.write("search.tfquery.hcl", &wrong).unwrap();
    assert_says(&flat(&terraform.fail(&["query"]).unwrap()), &["\"prefix\""]);
}
