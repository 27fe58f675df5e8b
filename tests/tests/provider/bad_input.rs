//! Mistakes that people make, each with the message they get, at the attribute where it is.

use std::fs;

use serde_json::Value;

use crate::world::{Block, World, assert_says, flat};

/// The errors of `terraform validate`: the line of the configuration, and the message.
fn errors(world: &World, blocks: &[Block]) -> Vec<(String, String)> {
    world.declare(blocks);
    let answer = world.terraform.validate_json().unwrap();
    let diagnostics = answer["diagnostics"].as_array().unwrap();
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic["severity"] == "error");
    let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    errors.map(|error| (text(&error["snippet"]["code"]), text(&error["detail"]))).collect()
}

/// Asserts that there is one error, at a line that begins like this, with these words.
#[track_caller]
fn one_error(world: &World, blocks: &[Block], line: &str, parts: &[&str]) {
    let errors = errors(world, blocks);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].0.starts_with(line), "{errors:#?}");
    assert_says(&errors[0].1, parts);
}

#[test]
fn an_unknown_region() {
    let world = World::new();
    let group = world.group().text_attribute("initial_active_region", "mars");
    one_error(
        &world,
        &[world.east(), world.west(), group],
        "initial_active_region",
        &["\"mars\" is an unknown region for this group", "write \"eastus2\" or \"westus2\""],
    );
}

#[test]
fn a_table_named_twice() {
    let world = World::new();
    let group = world.group_of("etl", &["a.b.c", "a.b.d", "A.B.C"]);
    one_error(
        &world,
        &[world.east(), world.west(), group],
        "tables",
        &["tables[2].name", "A.B.C is listed twice"],
    );
}

/// A group of many tables would be hard to search through.
#[test]
fn a_mistake_inside_of_an_attribute_is_told_at_its_own_line() {
    let world = World::new();
    let side = |place: &str, workspace: &str| {
        format!(
            "{{\n    region = \"{place}us2\"\n    location = \"{place}\"\n    table_root = \"s3://{place}\"\n{workspace}  }}"
        )
    };
    let workspace =
        "    workspace = {\n      url = \"https://w.example.com\"\n      token = \"hunter2\"\n    }\n";
    let group = world
        .group()
        .attribute("primary", &side("east", workspace))
        .attribute("secondary", &side("west", ""))
        .attribute(
            "tables",
            "[\n    { name = \"a.b.c\" },\n    {\n      name = \"not a table\"\n    },\n    { name = \"A.B.C\" },\n  ]",
        )
        .attribute("schedule", "{\n    timezone = \"Europe/Berlin\"\n    cron = \"soon\"\n  }");
    let location =
        world.west().attribute("secret_options", "{\n    good = \"env://KEY\"\n    bad = \"hunter2\"\n  }");
    let mut lines: Vec<String> =
        errors(&world, &[group, location]).into_iter().map(|(line, _)| line).collect();
    lines.sort();
    let table = "{\n      name = \"not a table\"\n    },";
    let expected = ["bad = \"hunter2\"", "cron = \"soon\"", "workspace = {", table, "{ name = \"A.B.C\" },"];
    assert_eq!(lines, expected);
}

#[test]
fn a_secret_in_plain_text_is_not_repeated() {
    let world = World::new();
    let secret = "dapi-hunter2";
    let workspace =
        format!("workspace = {{ url = \"https://adb-1.2.azuredatabricks.net\", token = {secret:?} }}");
    let catalog = format!("catalog = {{ url = \"https://uc.example.com\", token = {secret:?} }}");
    let side = |place: &str, region: &str, more: &str| {
        format!("{{ region = {region:?}, location = {place:?}, table_root = \"s3://{place}\", {more} }}")
    };
    let group = world
        .group()
        .attribute("primary", &side("east", "eastus2", &workspace))
        .attribute("secondary", &side("west", "westus2", &catalog))
        .attribute(
            "workflow",
            &format!("{{ airflow_dag = {{ url = \"https://airflow.example.com\", dag_id = \"etl\", username = {secret:?}, password = {secret:?} }} }}"),
        );
    let location = world
        .west()
        .attribute("secret_options", &format!("{{ aws_secret_access_key = {secret:?} }}"))
        .attribute("storage_options", &format!("{{ azure_storage_account_key = {secret:?} }}"))
        .attribute(
            "unity_catalog",
            &format!(
                "{{ workspace_url = \"https://w.example.com\", token = {secret:?}, credential_name = \"c\" }}"
            ),
        );
    let errors = errors(&world, &[group, location]);
    let places: Vec<&str> =
        errors.iter().map(|(_, detail)| detail.split_once(": ").map_or("", |(place, _)| place)).collect();
    let mut expected = [
        "primary.workspace.token",
        "secondary.catalog.token",
        "workflow.airflow_dag.username",
        "workflow.airflow_dag.password",
        "secret_options[\"aws_secret_access_key\"]",
        "storage_options[\"azure_storage_account_key\"]",
        "unity_catalog.token",
    ];
    let mut places_sorted = places.clone();
    places_sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(places_sorted, expected, "{errors:#?}");
    for (_, detail) in &errors {
        assert!(!detail.contains("hunter2"), "{detail}");
    }
}

#[test]
fn malformed_urls() {
    let world = World::new();
    for (url, problem) in [
        ("lake", "is not a URL"),
        ("ftp://x/y", "has the scheme \\\"ftp\\\""),
        ("s3:///x", "names no bucket"),
        ("abfss://account.dfs.core.windows.net/x", "does not name a container"),
        ("s3://key:hunter2@bucket", "a password"),
    ] {
        let problem = problem.replace("\\\"", "\"");
        one_error(&world, &[world.west().text_attribute("url", url)], "url", &["url: ", &problem]);
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let world = World::new();
    let group = world
        .group()
        .text_attribute("name", "Not A Name")
        .text_attribute("owner_email", "nobody")
        .attribute("schedule", r#"{ interval = "soon", timezone = "Mars/Olympus" }"#)
        .attribute("retry", r#"{ max_attempts = 0, max_backoff = "never" }"#)
        .text_attribute("delivery", "pigeon")
        .attribute("max_bytes_per_second", "-1.5")
        .attribute("egress_price_per_gib", "-1")
        .attribute("notifications", r#"{ on_failure = ["mailto:x", null] }"#)
        .attribute("tables", "[]");
    let errors = errors(&world, &[world.east(), world.west(), group]);
    let all: String = errors.iter().map(|(line, detail)| format!("{line} => {detail}\n")).collect();
    assert_says(
        &all,
        &[
            "\"Not A Name\" is not a valid name",
            "\"nobody\" is not an e-mail address",
            "\"soon\" is not a duration",
            "0 is not a whole number from 1",
            "\"never\" is not a duration",
            "\"pigeon\" is not one of \"direct\", \"staged\"",
            "-1.5 is not a whole number from 0",
            "egress_price_per_gib: is not a price",
            "\"x\" is not an e-mail address",
            "An element of this collection is null",
            "tables: is empty",
        ],
    );
}

#[test]
fn a_provider_block_that_lacks_everything_says_so_at_once() {
    let world = World::new();
    world
        .terraform
        .configure("provider \"lakedr\" {}\ndata \"lakedr_sync_status\" \"x\" {\n  group = \"etl\"\n}\n")
        .unwrap();
    let said = flat(&world.terraform.fail(&["plan"]).unwrap());
    assert_says(&said, &["Missing region", "LAKEDR_REGION", "Missing control_url", "LAKEDR_CONTROL_URL"]);
}

#[test]
fn the_environment_stands_in_for_the_provider_block() {
    let mut world = World::new();
    world.terraform.configure("data \"lakedr_sync_status\" \"x\" {\n  group = \"etl\"\n}\n").unwrap();
    world.terraform.set("LAKEDR_REGION", "eastus2");
    world.terraform.set("LAKEDR_CONTROL_URL", world.url("control"));
    let said = flat(&world.terraform.fail(&["plan"]).unwrap());
    assert_says(&said, &["There is no sync group \"etl\" in the control store"]);
}

#[test]
fn options_that_the_store_does_not_have() {
    let world = World::new();
    world
        .terraform
        .configure(
            "provider \"lakedr\" {\n  region = \"eastus2\"\n  control_url = \"s3://bucket/x\"\n  \
             storage_options = { surprise = \"hunter2\" }\n}\n\
             data \"lakedr_sync_status\" \"x\" {\n  group = \"etl\"\n}\n",
        )
        .unwrap();
    let said = flat(&world.terraform.fail(&["plan"]).unwrap());
    assert_says(&said, &["Control store cannot be opened", "\"surprise\" is not an option", "aws_endpoint"]);
    // not even in the line of the configuration that Terraform would show
    assert!(!said.contains("hunter2"), "{said}");
}

/// Below a regular file nothing can be created or read.
#[test]
fn a_control_store_that_cannot_be_written_to() {
    let world = World::new();
    fs::write(world.path("file"), "").unwrap();
    let block = format!(
        "provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = {:?}\n}}\n",
        world.url("file/control")
    );
    let location = format!(
        "resource \"lakedr_external_location\" \"west\" {{\n  name = \"west\"\n  region = \"westus2\"\n  url = {:?}\n}}\n",
        world.url("west")
    );
    world.terraform.configure(&(block + &location)).unwrap();
    let said = world.refused();
    assert_says(&said, &["Control store", &world.url("file/control")]);
}

#[tokio::test]
async fn a_control_store_that_denies_everything_is_named() {
    let server = crate::probe::Scripted::start(403).await;
    let mut world = World::new();
    for (name, value) in [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "hunter2")] {
        world.terraform.set(name, value);
    }
    world
        .terraform
        .configure(&format!(
            "provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = \"s3://control/lakedr\"\n  \
             storage_options = {{ aws_endpoint = {:?}, aws_allow_http = \"true\", aws_region = \"eu\" }}\n}}\n\
             resource \"lakedr_external_location\" \"west\" {{\n  name = \"west\"\n  region = \"westus2\"\n  \
             url = \"s3://x\"\n  skip_validation = true\n}}\n",
            server.endpoint()
        ))
        .unwrap();
    let said = tokio::task::spawn_blocking(move || world.refused()).await.unwrap();
    assert_says(&said, &["s3://control/lakedr", "permission denied", "check the credentials"]);
    assert!(!said.contains("hunter2"), "{said}");
}
