//! An executor without keys: the token that says what it is, in a file that is replaced again and again, is exchanged for
//! credentials of both stores.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{TimeDelta, Utc};
use lakedr_e2e::regions::{Region, Regions};
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::{Mirror, Versitygw};
use serde_json::Value;

use crate::groups::{state, without_workflow};

/// A session token, as comes with temporary credentials. The servers of the tests know none, and take an empty one as none.
const SESSION: &str = "dose-planted-session";

/// Two S3 servers, and a token service whose credentials both of them take.
struct Story {
    regions: Regions,
    service: Mirror,
    folder: tempfile::TempDir,
    state: PathBuf,
}

impl Story {
    async fn begin() -> Result<Self> {
        let regions = Regions::on_s3().await?;
        let folder = tempfile::tempdir()?;
        let service = Mirror::of(folder.path())?;
        std::fs::write(folder.path().join("authority.pem"), service.authority())?;
        let state = state(&regions, &[without_workflow("lake", &["cat.raw.bronze", "cat.stage.silver"])])?;
        let mut document: Value = serde_json::from_slice(&std::fs::read(&state)?)?;
        for resource in document["resources"].as_array_mut().context("resources")? {
            if resource["type"] == "lakedr_external_location" {
                resource["instances"][0]["attributes"]["secret_options"] = Value::Null;
            }
        }
        std::fs::write(&state, document.to_string())?;
        Ok(Self { regions, service, folder, state })
    }

    /// From here on the service takes every token, and what it gives lasts this long.
    fn grants_for(&self, life: TimeDelta, session: &str) -> Result<()> {
        let (key, secret) = self.key();
        let end = (Utc::now() + life).to_rfc3339();
        let answer = format!(
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
             <SessionToken>{session}</SessionToken><SecretAccessKey>{secret}</SecretAccessKey>\
             <Expiration>{end}</Expiration><AccessKeyId>{key}</AccessKeyId></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        );
        Ok(std::fs::write(self.folder.path().join("sts"), answer)?)
    }

    fn key(&self) -> (&'static str, &'static str) {
        self.regions.server(Region::West).map(Versitygw::credentials).unwrap_or_default()
    }

    fn token(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.regions.lakedr_command(Region::West, arguments)?;
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "LAKEDR_CONTROL_URL"] {
            command.env_remove(name);
        }
        command.arg("--state").arg(&self.state).args(["--output", "json"]);
        command
            .env("AWS_ROLE_ARN", "arn:aws:iam::1:role/dr")
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", self.token());
        command.env("AWS_ENDPOINT_URL_STS", format!("{}sts", self.service.url()));
        command.env("SSL_CERT_FILE", self.folder.path().join("authority.pem"));
        Ok(command)
    }

    fn lakedr(&self, arguments: &[&str]) -> Result<Outcome> {
        self.ended(Running::spawn(&mut self.command(arguments)?)?)
    }

    /// Waits for the end, and sees that nothing was told that says who somebody is.
    fn ended(&self, running: Running) -> Result<Outcome> {
        let outcome = running.wait(Duration::from_secs(120))?;
        for secret in ["dose-planted", self.key().1] {
            assert!(!outcome.says(secret), "{secret} is said: {outcome}");
        }
        Ok(outcome)
    }

    /// How often a token was exchanged that the service was shown with this name.
    fn exchanges(&self, token: &str) -> usize {
        let shown = format!("WebIdentityToken={token}");
        self.service.asked().iter().filter(|asked| asked.ends_with(&shown)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_without_keys_renews_what_a_token_gave_it() -> Result<()> {
    let story = Story::begin().await?;
    story.regions.workflow(Region::East, &["--run", "1"])?;
    story.grants_for(TimeDelta::hours(1), "")?;
    std::fs::write(story.token(), "dose-planted-first")?;
    let outcome = story.lakedr(&["sync", "-vvv"])?;
    assert_eq!(outcome.json()?["groups"][0]["outcome"], "published", "{outcome}");
    assert!(outcome.stderr.len() > 1000, "the log says everything it can");
    let once = story.exchanges("dose-planted-first");
    assert!((1..=8).contains(&once), "asked {once} times, though what it gave lasts");

    // what is given has ended when it comes: nothing is asked of the stores with what was given before
    story.regions.workflow(Region::East, &["--run", "2"])?;
    story.grants_for(TimeDelta::zero(), "")?;
    let outcome = story.lakedr(&["sync", "-vvv"])?;
    assert_eq!(outcome.json()?["groups"][0]["outcome"], "published", "{outcome}");
    let often = story.exchanges("dose-planted-first");
    assert!(often > 2 * once, "asked {often} times, and {once} times when it lasted");

    // a process that goes on reads the token that is in the file by then
    let mut watching =
        Running::spawn(&mut story.command(&["sync", "--force", "--watch", "--every", "1s", "-vvv"])?)?;
    until(|| story.exchanges("dose-planted-first") > often)?;
    std::fs::write(story.token(), "dose-planted-second")?;
    until(|| story.exchanges("dose-planted-second") > 0)?;
    watching.signal(nix::sys::signal::Signal::SIGTERM)?;
    let outcome = story.ended(watching)?;
    assert_eq!(outcome.code, Some(130), "{outcome}");
    assert!(!outcome.says("\"failed\""), "{outcome}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_gets_nothing_is_told_and_not_shown() -> Result<()> {
    let story = Story::begin().await?;
    let failed = |code: i32, expected: &str| -> Result<()> {
        let outcome = story.lakedr(&["sync", "-vvv"])?;
        let error = &outcome.json()?["groups"][0]["error"];
        assert_eq!(outcome.code, Some(code), "{outcome}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(expected)), "{error}");
        Ok(())
    };
    let file = story.token().display().to_string();
    failed(5, &format!("Failed to read token file '{file}'"))?;
    std::fs::write(story.token(), "dose-planted-token")?;
    failed(5, "404")?;
    story.grants_for(TimeDelta::hours(1), SESSION)?;
    failed(4, "permission denied; check the credentials")
}

fn until(reached: impl Fn() -> bool) -> Result<()> {
    let began = std::time::Instant::now();
    while !reached() {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(60), "it is not reached");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
