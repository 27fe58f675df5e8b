//! Bad input to the executor: a clear message, exit code 2, nothing lost. What the provider refuses is in the ring
//! `provider`.

use anyhow::{Result, ensure};
use lakedr_e2e::regions::{Region, Regions};
use serde_json::json;

/// The command ends with this code and says all of these parts.
fn refused(regions: &Regions, code: i32, arguments: &[&str], parts: &[&str]) -> Result<()> {
    let outcome = regions.lakedr(arguments)?;
    ensure!(outcome.code == Some(code), "exit code {code} was expected: {outcome}");
    let text = outcome.to_string();
    for part in parts {
        ensure!(text.contains(part), "{part:?} is not in: {outcome}");
    }
    Ok(())
}

#[test]
fn what_was_typed_wrong_is_named() -> Result<()> {
    let regions = Regions::folders()?;
    let state = regions.terraform(Region::West)?.folder().join("none.tfstate").display().to_string();
    refused(
        &regions,
        2,
        &["sync", "--region", "mars"],
        &["\"mars\" is an unknown region", "eastus2, westus2"],
    )?;
    refused(&regions, 2, &["sync", "--group", "elt"], &["no sync group \"elt\"", "it holds etl"])?;
    refused(
        &regions,
        2,
        &["sync", "--control", "lake/control"],
        &["\"lake/control\" is not a URL", "s3://bucket/prefix"],
    )?;
    refused(&regions, 2, &["sync", "--control", "ftp://x/y"], &["scheme \"ftp\"", "abfss://"])?;
    refused(&regions, 2, &["sync", "--state", &state], &["cannot read the Terraform state", "none.tfstate"])?;
    refused(&regions, 2, &["sink"], &["unrecognized subcommand 'sink'", "Usage: lakedr"])?;
    refused(&regions, 2, &["mark", "start", "--run", "1", "--group", "nope"], &["no sync group \"nope\""])
}

#[test]
fn a_state_that_is_none_is_refused_with_what_to_give() -> Result<()> {
    let regions = Regions::folders()?;
    let folder = regions.terraform(Region::West)?.folder();
    for (name, text, part) in [
        ("empty", "", "is not a Terraform state"),
        ("old", "{\"version\": 3}", "format 3, this program reads format 4"),
        ("other", "{\"a\": 1}", "neither `version` nor `format_version`"),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        refused(
            &regions,
            2,
            &["validate", "--state", &path.display().to_string()],
            &[part, "terraform show -json"],
        )?;
    }
    Ok(())
}

#[test]
fn a_document_of_a_newer_format_names_the_version_to_install() -> Result<()> {
    let regions = Regions::folders()?;
    let path = regions.dir(Region::West, "control").join("v1/sync_groups/etl.json");
    let mut document: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    document["format"] = json!(2);
    document["written_by"]["provider"] = json!("7.3.0");
    std::fs::write(&path, document.to_string())?;
    refused(&regions, 2, &["sync"], &["etl.json", "format 2", "7.3.0", "install that version"])
}

#[test]
fn specs_that_break_rules_are_reported_all_at_once() -> Result<()> {
    let regions = Regions::folders()?;
    let terraform = regions.terraform(Region::West)?;
    let mut state: serde_json::Value = serde_json::from_slice(&std::fs::read(terraform.state_file())?)?;
    for resource in state["resources"].as_array_mut().into_iter().flatten() {
        if resource["type"] == "lakedr_sync_group" {
            let attributes = &mut resource["instances"][0]["attributes"];
            attributes["initial_active_region"] = json!("mars");
            attributes["tables"][1]["name"] = json!("cat.raw.bronze");
            attributes["secondary"]["catalog"] = json!({"url": "https://x", "token": "dapi-hunter2"});
        }
    }
    let path = terraform.folder().join("bad.tfstate");
    std::fs::write(&path, state.to_string())?;
    let path = path.display().to_string();
    let parts =
        ["\"mars\" is an unknown region", "cat.raw.bronze is listed twice", "is not a secret reference"];
    refused(&regions, 2, &["sync", "--state", &path], &parts)?;
    let said = regions.lakedr(&["sync", "--state", &path])?.to_string();
    assert!(!said.contains("hunter2"), "a secret is repeated: {said}");
    Ok(())
}

#[test]
fn a_control_store_that_cannot_be_read_is_named() -> Result<()> {
    let regions = Regions::folders()?;
    let file = regions.terraform(Region::West)?.folder().join("main.tf");
    let below = format!("file://{}/control", file.display());
    refused(
        &regions,
        2,
        &["sync", "--control", &below],
        &["cannot list", "main.tf/control", "no such bucket"],
    )
}

#[test]
fn json_output_is_one_document_also_when_nothing_could_be_done() -> Result<()> {
    let regions = Regions::folders()?;
    let document = regions.lakedr_json(2, &["sync", "--group", "elt"])?;
    assert_eq!(document["groups"], json!([]));
    assert_eq!(document["error"]["type"], "configuration");
    Ok(())
}

#[test]
fn a_missing_table_refuses_the_whole_group() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, Some("bronze"))?;
    let report = regions.group(3, &["sync"])?;
    assert_eq!(report["error"]["type"], "table_missing");
    let message = report["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("cat.") && message.contains("there is no Delta log"), "{message}");
    assert!(!regions.dir(Region::West, "lake").exists(), "a part of the group was copied");
    assert_eq!(regions.group(2, &["validate"])?["valid"], false);
    Ok(())
}

#[test]
fn what_is_declared_and_has_no_effect_is_a_warning() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    let terraform = regions.terraform(Region::West)?;
    let mut state: serde_json::Value = serde_json::from_slice(&std::fs::read(terraform.state_file())?)?;
    for resource in state["resources"].as_array_mut().into_iter().flatten() {
        if resource["type"] == "lakedr_sync_group" {
            let attributes = &mut resource["instances"][0]["attributes"];
            let workspace = json!({"name": "dr", "url": "https://dr.example.com", "token": "env://TOKEN"});
            attributes["secondary"]["workspace"] = workspace;
        }
    }
    let path = terraform.folder().join("idle.tfstate");
    std::fs::write(&path, state.to_string())?;
    let found = regions.group(0, &["validate", "--state", &path.display().to_string()])?;
    assert_eq!(found["valid"], true, "{found}");
    let warnings = found["warnings"].to_string();
    ensure!(warnings.contains("secondary.workspace is declared, which"), "{warnings}");
    assert!(!warnings.contains("primary.workspace"), "{warnings}");
    Ok(())
}
