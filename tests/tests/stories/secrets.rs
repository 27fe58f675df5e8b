//! Secrets out of every kind of vault: they reach the store that needs them, and nothing else.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lakedr_e2e::regions::{Region, Regions, contents};
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::{ObjectServer as _, UnityCatalog};
use lakedr_e2e::terraform::Terraform;
use serde_json::{Value, json};

use crate::groups::{state, without_workflow};

/// The secret of the service principal that reads the secret scope.
const CLIENT_SECRET: &str = "dose-planted-client-secret";

/// Two S3 servers, whose secret key lies in a file for the one, and in a secret scope for the other.
struct Story {
    regions: Regions,
    workspace: UnityCatalog,
    folder: tempfile::TempDir,
    state: PathBuf,
}

impl Story {
    async fn begin() -> Result<Self> {
        let regions = Regions::on_s3().await?;
        let folder = tempfile::tempdir()?;
        let workspace = UnityCatalog::start(folder.path(), "dose-planted-token")?;
        workspace.let_in("dr-principal", CLIENT_SECRET);
        let server = regions.server(Region::West).context("a server")?;
        let (_, secret) = server.credentials();
        workspace.keep("dr-scope", "west key", secret);
        std::fs::write(folder.path().join("east"), format!("{secret}\n"))?;
        let state = state(&regions, &[without_workflow("lake", &["cat.raw.bronze", "cat.stage.silver"])])?;
        let story = Self { regions, workspace, folder, state };
        story.refer("eastus2", &format!("file://{}", story.folder.path().join("east").display()))?;
        story.refer("westus2", "databricks://dr-scope/west key")?;
        Ok(story)
    }

    /// Makes the secret key of a region's location this reference.
    fn refer(&self, region: &str, reference: &str) -> Result<()> {
        let mut document: Value = serde_json::from_slice(&std::fs::read(&self.state)?)?;
        for resource in document["resources"].as_array_mut().context("resources")? {
            let is_location = resource["type"] == "lakedr_external_location";
            let attributes = &mut resource["instances"][0]["attributes"];
            if is_location && attributes["region"] == region {
                attributes["secret_options"]["aws_secret_access_key"] = json!(reference);
            }
        }
        Ok(std::fs::write(&self.state, document.to_string())?)
    }

    fn lakedr(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.regions.lakedr_command(Region::West, arguments)?;
        command.arg("--state").arg(&self.state);
        self.in_workspace(&mut command);
        Running::spawn(&mut command)?.wait(Duration::from_secs(120))
    }

    fn in_workspace(&self, command: &mut Command) {
        command.env("DATABRICKS_HOST", self.workspace.url()).env("DATABRICKS_CLIENT_ID", "dr-principal");
        command.env("DATABRICKS_CLIENT_SECRET", CLIENT_SECRET).env_remove("DATABRICKS_TOKEN");
    }

    /// Every value that may be seen nowhere, as it is and as services are sent it.
    fn planted(&self) -> Vec<String> {
        let (_, secret) = self
            .regions
            .server(Region::West)
            .map(lakedr_e2e::servers::Versitygw::credentials)
            .unwrap_or_default();
        let plain = [secret, CLIENT_SECRET, "issued-token-1"];
        let encoded = plain.map(|text| BASE64_STANDARD.encode(text));
        let basic = BASE64_STANDARD.encode(format!("dr-principal:{CLIENT_SECRET}"));
        plain.map(str::to_owned).into_iter().chain(encoded).chain([basic]).collect()
    }

    fn nothing_is_said(&self, place: &str, text: &str) {
        for secret in self.planted() {
            assert!(!text.contains(&secret), "{place} says {secret}:\n{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_reach_the_stores_and_nothing_else() -> Result<()> {
    let story = Story::begin().await?;
    story.regions.workflow(Region::East, &["--run", "1"])?;
    for arguments in
        [&["validate", "-vv"][..], &["plan", "-vvv"], &["sync", "-vv"], &["verify", "-vvv"], &["status"]]
    {
        let outcome = story.lakedr(&[arguments, &["--output", "json"]].concat())?;
        assert_eq!(outcome.code, Some(0), "{outcome}");
        story.nothing_is_said("stdout", &outcome.stdout);
        story.nothing_is_said("stderr", &outcome.stderr);
    }
    for region in Region::BOTH {
        for place in ["control", "dr", "lake"] {
            for (path, bytes) in contents(&story.regions.dir(region, place))? {
                story.nothing_is_said(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_secrets_that_cannot_be_had_are_told_at_once() -> Result<()> {
    let story = Story::begin().await?;
    story.refer("eastus2", "env://STORY_NOT_SET")?;
    story.refer("westus2", "databricks://dr-scope/missing")?;
    let outcome = story.lakedr(&["sync", "--output", "json"])?;
    assert_eq!(outcome.code, Some(2), "{outcome}");
    let error = outcome.json()?["groups"][0]["error"].clone();
    let message = error["message"].as_str().unwrap_or_default();
    for reference in ["env://STORY_NOT_SET", "databricks://dr-scope/missing"] {
        assert!(message.contains(&format!("the secret {reference} cannot be had")), "{message}");
    }
    story.nothing_is_said("the error", message);

    // a workspace that is away may come back
    story.refer("eastus2", &format!("file://{}", story.folder.path().join("east").display()))?;
    story.workspace.stop(503);
    let outcome = story.lakedr(&["sync", "--output", "json"])?;
    assert_eq!(outcome.code, Some(5), "{outcome}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_resolves_what_it_can_and_logs_nothing_of_it() -> Result<()> {
    let story = Story::begin().await?;
    let mut terraform = Terraform::new()?;
    let server = story.regions.server(Region::West).context("a server")?;
    terraform.configure(&format!(
        "provider \"lakedr\" {{\n  region = \"westus2\"\n  control_url = \"file://{}\"\n}}\n\
         resource \"lakedr_external_location\" \"west\" {{\n  name = \"west\"\n  region = \"westus2\"\n  url = {:?}\n  \
         storage_options = {{ aws_endpoint = {:?}, aws_allow_http = \"true\", aws_region = \"us-east-1\", \
         aws_access_key_id = {:?} }}\n  secret_options = {{ aws_secret_access_key = \"databricks://dr-scope/west key\" }}\n}}\n",
        story.folder.path().join("control").display(),
        server.url("dr-west"),
        server.endpoint(),
        server.credentials().0,
    ))?;
    for (name, value) in [
        ("DATABRICKS_HOST", story.workspace.url()),
        ("DATABRICKS_CLIENT_ID", "dr-principal".to_owned()),
        ("DATABRICKS_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ("TF_LOG", "trace".to_owned()),
    ] {
        terraform.set(name, value);
    }
    let outcome = terraform.apply()?;
    assert!(!outcome.says("not probed"), "the location was probed with the secret: {outcome}");
    story.nothing_is_said("terraform's output", &outcome.stdout);
    story.nothing_is_said("terraform's log", &outcome.stderr);
    story.nothing_is_said("the state", &std::fs::read_to_string(terraform.state_file())?);
    for (path, bytes) in contents(&story.folder.path().join("control"))? {
        story.nothing_is_said(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
    }
    Ok(())
}
