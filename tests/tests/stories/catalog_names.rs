//! Tables that are declared by name alone: their catalogs say where they lie, and lend the credentials to get there.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions, TABLES};
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::{UnityCatalog, Versitygw};
use serde_json::{Value, json};

use crate::groups::{state, without_workflow};

const TOKEN: &str = "dapi-of-the-names";

/// Two regions with a catalog each, and a group that has no URLs.
struct Story {
    regions: Regions,
    east: UnityCatalog,
    west: UnityCatalog,
    _folder: tempfile::TempDir,
    state: PathBuf,
}

impl Story {
    fn begin(regions: Regions) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let catalog = || UnityCatalog::start(folder.path(), TOKEN);
        let (east, west) = (catalog()?, catalog()?);
        for (catalog, region) in [(&east, Region::East), (&west, Region::West)] {
            for table in TABLES {
                let url = format!("{}/{}", regions.url(region, "lake"), table.replace('.', "/"));
                // the open-source server spells local files so
                let url = url.replace("file:///", "file:/");
                catalog.register(table, "EXTERNAL", Some("DELTA"), &url)?;
            }
        }
        let state = state(&regions, &[without_workflow("lake", &TABLES)])?;
        let story = Self { regions, east, west, _folder: folder, state };
        story.change(|kind, attributes| {
            if kind == "lakedr_sync_group" {
                for (side, catalog) in [("primary", &story.east), ("secondary", &story.west)] {
                    attributes[side]["table_root"] = Value::Null;
                    attributes[side]["catalog"] =
                        json!({"url": catalog.url(), "token": "env://STORY_UC_TOKEN"});
                }
            }
        })?;
        Ok(story)
    }

    /// Changes the attributes of the resources in the state, by their type.
    fn change(&self, change: impl Fn(&str, &mut Value)) -> Result<()> {
        let mut document: Value = serde_json::from_slice(&std::fs::read(&self.state)?)?;
        for resource in document["resources"].as_array_mut().context("resources")? {
            let kind = resource["type"].as_str().unwrap_or_default().to_owned();
            change(&kind, &mut resource["instances"][0]["attributes"]);
        }
        Ok(std::fs::write(&self.state, document.to_string())?)
    }

    /// The executor, with the token of the catalogs and no credentials for any store.
    fn lakedr(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.regions.lakedr_command(Region::West, arguments)?;
        command.arg("--state").arg(&self.state).args(["--output", "json"]).env("STORY_UC_TOKEN", TOKEN);
        for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            command.env_remove(variable);
        }
        // the machine has no credentials either, and says so at once
        command.env("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9");
        Running::spawn(&mut command)?.wait(Duration::from_secs(120))
    }

    fn group(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        let outcome = self.lakedr(arguments)?;
        ensure!(outcome.code == Some(code), "exit code {code} was expected: {outcome}");
        Ok(outcome.json()?["groups"][0].clone())
    }

    fn refused(&self, code: i32) -> Result<String> {
        let report = self.group(code, &["sync"])?;
        Ok(report["error"]["message"].as_str().unwrap_or_default().to_owned())
    }
}

#[test]
fn a_table_lies_where_its_catalog_says() -> Result<()> {
    let story = Story::begin(Regions::folders()?)?;
    story.regions.workflow(Region::East, &["--run", "1"])?;
    assert_eq!(story.group(0, &["validate"])?["valid"], true);
    assert_eq!(story.group(0, &["sync"])?["outcome"], "published");
    assert_eq!(story.regions.rows(Region::West)?, story.regions.rows(Region::East)?);
    assert_eq!(story.group(0, &["verify", "--level", "content"])?["equal"], true);
    assert_eq!(story.group(0, &["sync"])?["outcome"], "up_to_date");
    assert!(story.east.vending().is_empty(), "folders need no credentials");
    story.west.stop(503);
    assert!(story.refused(5)?.contains("503"));
    Ok(())
}

#[test]
fn what_is_no_delta_table_is_refused_by_name_and_all_of_it_at_once() -> Result<()> {
    let story = Story::begin(Regions::folders()?)?;
    story.east.register(TABLES[0], "VIEW", None, "")?;
    story.east.register(TABLES[1], "STREAMING_TABLE", Some("DELTA"), "s3://x/y")?;
    story.east.register(TABLES[2], "EXTERNAL", Some("PARQUET"), "s3://x/z")?;
    let message = story.refused(4)?;
    for (table, what) in [
        (TABLES[0], "a view, which lakedr does not copy"),
        (TABLES[1], "a streaming table, which lakedr does not copy"),
        (TABLES[2], "a table in the format PARQUET, which lakedr does not copy; convert it to Delta"),
    ] {
        assert!(message.contains(&format!("has {table} as {what}")), "{message}");
    }
    Ok(())
}

#[test]
fn a_target_that_cannot_be_written_is_refused_before_anything_is() -> Result<()> {
    let story = Story::begin(Regions::folders()?)?;
    story.regions.workflow(Region::East, &["--run", "1"])?;
    let east = format!("{}/cat/raw/bronze", story.regions.url(Region::East, "lake"));
    story.west.register(TABLES[0], "EXTERNAL", Some("DELTA"), &east)?;
    let message = story.refused(2)?;
    assert!(message.contains("lies in the place of") && message.contains(&east), "{message}");

    story.west.register(TABLES[0], "MANAGED", Some("DELTA"), "file:///nowhere/at/all")?;
    let message = story.refused(4)?;
    assert!(
        message.contains("cat.raw.bronze is a managed table of the catalog in the secondary region"),
        "{message}"
    );

    story.change(|kind, attributes| {
        if kind == "lakedr_sync_group" {
            attributes["tables"][0]["name"] = json!("cat.raw.nothing");
        }
    })?;
    let message = story.refused(2)?;
    assert!(message.contains("has no table cat.raw.nothing; create it there"), "{message}");
    let lake = story.regions.dir(Region::West, "lake");
    assert!(!lake.exists() || lakedr_e2e::regions::contents(&lake)?.is_empty(), "nothing was written");
    Ok(())
}

/// The stand-in says what a workspace says: the vendor's own SDK makes the same calls, and understands the answers.
#[test]
fn the_sdk_of_the_vendor_understands_the_stand_in() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let workspace = UnityCatalog::start(folder.path(), TOKEN)?;
    workspace.vend_as_a_workspace();
    workspace.let_in("dr-principal", "dose-of-the-sdk");
    workspace.keep("dr-scope", "west key", "a secret\n");
    workspace.register(TABLES[0], "EXTERNAL", Some("DELTA"), "s3://lake/bronze")?;
    let keys = json!({"access_key_id": "id", "secret_access_key": "key", "session_token": "session"});
    workspace.vend(Some(json!({"aws_temp_credentials": keys, "expiration_time": 1_800_000_000_000_u64})));
    let client = [("DATABRICKS_CLIENT_ID", "dr-principal"), ("DATABRICKS_CLIENT_SECRET", "dose-of-the-sdk")];
    for (auth, login) in [("pat", &[("DATABRICKS_TOKEN", TOKEN)][..]), ("oauth-m2m", &client)] {
        let mut command = std::process::Command::new(lakedr_e2e::environment::tool("venv/bin/python")?);
        command.arg(lakedr_e2e::environment::checkout().join("tests/databricks/catalog.py"));
        command.args([&workspace.url(), TABLES[0], "dr-scope", "west key"]).envs(login.iter().copied());
        command.env("DATABRICKS_CONFIG_FILE", "/dev/null").env("PYTHONDONTWRITEBYTECODE", "1");
        let outcome = Running::spawn(&mut command)?.wait(Duration::from_secs(120))?;
        ensure!(outcome.code == Some(0), "{outcome}");
        assert_eq!(
            outcome.json()?,
            json!({
                "auth": auth,
                "secret": "a secret\n",
                "table": ["EXTERNAL", "DELTA", "s3://lake/bronze", "00000000-0000-0000-0000-000000000001"],
                "no_table": "NotFound", "no_secret": "ResourceDoesNotExist",
                "lent": [["id", "key", "session", 1_800_000_000_000_u64], ["id", "key", "session", 1_800_000_000_000_u64]],
                "location": ["dr", "s3://dr/west", "landing", false],
                "changed": ["other", "s3://dr/west", "landing", true],
                "no_location": "NotFound",
            })
        );
    }
    Ok(())
}

/// And it says what the open-source server says: the client of its makers, too.
#[test]
fn the_client_of_the_open_source_server_understands_the_stand_in() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let catalog = UnityCatalog::start(folder.path(), TOKEN)?;
    catalog.have_locations_as_open_source();
    catalog.register(TABLES[0], "EXTERNAL", Some("DELTA"), "s3://lake/bronze")?;
    let keys = json!({"access_key_id": "id", "secret_access_key": "key", "session_token": "session"});
    catalog.vend(Some(json!({"aws_temp_credentials": keys, "expiration_time": 1_800_000_000_000_u64})));
    let mut command = std::process::Command::new(lakedr_e2e::environment::tool("venv/bin/python")?);
    command.arg(lakedr_e2e::environment::checkout().join("tests/unity_catalog/ask.py"));
    command.args([&catalog.url(), TABLES[0]]).env("UNITY_CATALOG_TOKEN", TOKEN);
    let outcome =
        Running::spawn(command.env("PYTHONDONTWRITEBYTECODE", "1"))?.wait(Duration::from_secs(120))?;
    ensure!(outcome.code == Some(0), "{outcome}");
    let lent = json!(["id", "key", "session", 1_800_000_000_000_u64]);
    assert_eq!(
        outcome.json()?,
        json!({
            "table": ["EXTERNAL", "DELTA", "s3://lake/bronze", "00000000-0000-0000-0000-000000000001"],
            "no_table": [404, "TABLE_NOT_FOUND"],
            "lent": [lent, lent],
            "location": ["dr", "s3://dr/west", "landing"],
            "changed": ["other", "s3://dr/west", "landing"],
            "no_location": [404, "NOT_FOUND"],
        })
    );
    Ok(())
}

/// Two S3 servers that nobody has the keys of, but the catalogs.
async fn on_s3() -> Result<Story> {
    let regions = Regions::on_s3().await?;
    let story = tokio::task::block_in_place(|| Story::begin(regions))?;
    story.change(|kind, attributes| {
        if kind == "lakedr_external_location" {
            attributes["secret_options"] = Value::Null;
        }
    })?;
    tokio::task::block_in_place(|| story.regions.workflow(Region::East, &["--run", "1"]))?;
    Ok(story)
}

fn keys(regions: &Regions, region: Region) -> Result<Value> {
    let (id, secret) = regions.server(region).map(Versitygw::credentials).context("a server")?;
    let keys = json!({"access_key_id": id, "secret_access_key": secret, "session_token": ""});
    // an end so near that the credentials are renewed on the way
    let ends = chrono::Utc::now().timestamp_millis() + 600_000;
    Ok(json!({"aws_temp_credentials": keys, "expiration_time": ends}))
}

/// What was asked for: the operation, and whether it was for a table or a path.
fn operations(catalog: &UnityCatalog) -> Vec<(String, String)> {
    let mut asked: Vec<_> = catalog
        .vending()
        .into_iter()
        .map(|(call, body)| (call, body["operation"].as_str().unwrap_or_default().to_owned()))
        .collect();
    asked.sort();
    asked.dedup();
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogs_lend_what_nothing_else_gives() -> Result<()> {
    let story = on_s3().await?;
    story.east.vend(Some(keys(&story.regions, Region::East)?));
    story.west.vend(Some(keys(&story.regions, Region::West)?));
    // one is an open-source server, the other one a workspace
    story.west.vend_as_a_workspace();
    let outcome = story.lakedr(&["sync", "-vvv"])?;
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(!outcome.stdout.contains("lakedr-test-secret") && !outcome.stderr.contains("lakedr-test-secret"));
    assert_eq!(outcome.json()?["groups"][0]["outcome"], "published");
    assert_eq!(story.regions.rows(Region::West)?, story.regions.rows(Region::East)?);
    let of = |call: &str, operation: &str| (format!("temporary-{call}-credentials"), operation.to_owned());
    assert_eq!(operations(&story.east), [of("path", "PATH_READ_WRITE"), of("table", "READ")]);
    assert_eq!(operations(&story.west), [of("path", "PATH_READ_WRITE"), of("table", "READ_WRITE")]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_lends_nothing_is_named_with_what_else_is_missing() -> Result<()> {
    let story = on_s3().await?;
    let message = story.refused(4)?;
    for text in [
        "temporary-path-credentials answers 403",
        "neither options, environment nor machine have credentials",
    ] {
        assert!(message.contains(text), "{message}");
    }
    Ok(())
}
