//! People are told: by a real mail server, by webhooks, in the formats of Slack and PagerDuty.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use lakedr_e2e::regions::contents;
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::{Hooks, MailServer};
use lakedr_e2e::world::{Group, World};
use serde_json::{Value, json};

/// What may be seen nowhere: a password, and parts of URLs that are as good as one.
const SECRETS: [&str; 4] = ["hunter-password", "hunter-slack", "hunter-route", "hunter-hook"];

struct Story {
    world: World,
    hooks: Hooks,
    mail: MailServer,
}

/// A table of one file, which nobody decodes.
fn table(world: &World, path: &str, configuration: &Value) -> Result<()> {
    let table = world.source(path);
    std::fs::create_dir_all(table.join("_delta_log"))?;
    std::fs::write(table.join("a.parquet"), "rows")?;
    let actions = [
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {
            "id": path, "format": {"provider": "parquet", "options": {}},
            "schemaString": r#"{"type":"struct","fields":[]}"#,
            "partitionColumns": [], "configuration": configuration, "createdTime": 0
        }}),
        json!({"add": {
            "path": "a.parquet", "partitionValues": {}, "size": 4, "modificationTime": 0, "dataChange": true
        }}),
    ];
    let commit: String = actions.iter().map(|action| format!("{action}\n")).collect();
    Ok(std::fs::write(table.join("_delta_log/00000000000000000000.json"), commit)?)
}

impl Story {
    fn begin() -> Result<Self> {
        Ok(Self { world: World::new()?, hooks: Hooks::start()?, mail: MailServer::start("hunter-password")? })
    }

    fn group(&self) -> Group {
        let group = Group::of("etl", &["t"])
            .with("clock_skew", json!("0s"))
            .with("owner_email", json!("me@example.com"));
        group.with(
            "notifications",
            json!({
                "on_failure": ["mailto:oncall@example.com", "env://STORY_SLACK", "pagerduty://env://STORY_ROUTE"],
                "on_success": ["env://STORY_HOOK"], "events": null
            }),
        )
    }

    fn environment(&self, command: &mut Command) {
        let url = self.hooks.url();
        command.env("LAKEDR_SMTP_URL", self.mail.url()).env("LAKEDR_SMTP_PASSWORD", "env://STORY_PASSWORD");
        command.env("STORY_PASSWORD", "hunter-password").env("LAKEDR_PAGERDUTY_URL", &url);
        command.env("STORY_SLACK", format!("slack+{url}/hunter-slack")).env("STORY_ROUTE", "hunter-route");
        command.env("STORY_HOOK", format!("{url}/hunter-hook?sig=hunter-hook"));
    }

    /// Runs `lakedr` at its most talkative, and makes sure that it keeps every secret.
    fn lakedr(&self, arguments: &[&str]) -> Result<Outcome> {
        self.lakedr_with(arguments, |_| {})
    }

    fn lakedr_with(&self, arguments: &[&str], change: impl Fn(&mut Command)) -> Result<Outcome> {
        let mut command = self.world.command(&[arguments, &["-vvv"]].concat())?;
        self.environment(&mut command);
        change(&mut command);
        let outcome = Running::spawn(&mut command)?.wait(Duration::from_secs(120))?;
        for secret in SECRETS {
            ensure!(!outcome.says(secret), "{secret} is shown: {outcome}");
            for region in ["east-dr", "west-dr"] {
                for (path, bytes) in contents(&self.world.place(region)).unwrap_or_default() {
                    let text = String::from_utf8_lossy(&bytes);
                    ensure!(!text.contains(secret), "{secret} is in {}", path.display());
                }
            }
        }
        Ok(outcome)
    }

    fn sync(&self, outcome: &str) -> Result<Outcome> {
        let ended = self.lakedr(&["sync"])?;
        ensure!(ended.json()?["groups"][0]["outcome"] == outcome, "{outcome} was expected: {ended}");
        Ok(ended)
    }

    /// How often each channel was told something: mail, Slack, PagerDuty, webhook.
    fn told(&self) -> Result<[usize; 4]> {
        let at = |path| self.hooks.at(path).len();
        Ok([self.mail.mails()?.len(), at("/hunter-slack"), at("/v2/enqueue"), at("/hunter-hook")])
    }
}

#[test]
fn an_incident_is_told_once_and_its_end_too() -> Result<()> {
    let story = Story::begin()?;
    story.world.declare(&[story.group()])?;
    for _ in 0..2 {
        story.sync("refused")?;
        assert_eq!(story.told()?, [1, 1, 1, 0]);
    }
    table(&story.world, "t", &json!({}))?;
    story.sync("published")?;
    assert_eq!(story.told()?, [2, 2, 2, 1]);
    story.sync("up_to_date")?;
    assert_eq!(story.told()?, [2, 2, 2, 1]);

    let mails = story.mail.mails()?;
    let header = |mail: &Value, name: &str| mail["headers"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(header(&mails[0], "subject"), "[lakedr] etl: sync fails (table_missing)");
    assert_eq!(header(&mails[1], "subject"), "[lakedr] etl: sync works again");
    assert_eq!(mails[0]["to"], json!(["oncall@example.com"]));
    assert_eq!(
        (header(&mails[0], "from"), header(&mails[0], "reply-to")),
        ("dr@example.com".to_owned(), "me@example.com".to_owned())
    );
    assert_eq!(header(&mails[0], "references"), header(&mails[1], "references"));
    assert_ne!(header(&mails[0], "message-id"), header(&mails[1], "message-id"));
    let body = mails[0]["body"].as_str().unwrap_or_default();
    assert!(body.contains("world.etl.t000") && body.contains("class: table_missing"), "{body}");

    let pages = story.hooks.at("/v2/enqueue");
    assert_eq!(pages[0]["routing_key"], "hunter-route");
    assert_eq!(
        (&pages[0]["event_action"], &pages[1]["event_action"]),
        (&json!("trigger"), &json!("resolve"))
    );
    assert_eq!(pages[0]["dedup_key"], pages[1]["dedup_key"]);
    let success = &story.hooks.at("/hunter-hook")[0];
    assert_eq!((&success["event"], &success["group"]), (&json!("success"), &json!("etl")));
    let cut = story.lakedr(&["sync"])?.json()?["groups"][0].clone();
    assert_eq!((&success["cut"], &success["seq"]), (&cut["cut"]["id"], &cut["seq"]));
    Ok(())
}

#[test]
fn a_broken_channel_fails_nothing_and_is_told_later() -> Result<()> {
    let story = Story::begin()?;
    story.world.declare(&[story.group()])?;
    table(&story.world, "t", &json!({}))?;
    story.hooks.trouble(&[404]);
    let ended = story.sync("published")?;
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(
        ended.stderr.contains("1 notification(s) to env://STORY_HOOK are kept for the next call"),
        "{ended}"
    );
    assert!(ended.stderr.contains("answers 404 Not Found; make the webhook anew"), "{ended}");
    assert_eq!(story.told()?, [0, 0, 0, 0]);
    story.sync("up_to_date")?;
    assert_eq!(story.told()?, [0, 0, 0, 1]);

    // no mail server: the others are told all the same, and validate says so before
    std::fs::rename(story.world.source("t"), story.world.place("away"))?;
    let without = |command: &mut Command| {
        command.env_remove("LAKEDR_SMTP_URL");
    };
    let ended = story.lakedr_with(&["validate"], without)?;
    let warnings = ended.json()?["groups"][0]["warnings"].to_string();
    assert!(warnings.contains("LAKEDR_SMTP_URL is not set"), "{ended}");
    let ended = story.lakedr_with(&["sync", "--force"], without)?;
    assert!(ended.stderr.contains("LAKEDR_SMTP_URL is not set"), "{ended}");
    assert_eq!(story.told()?, [0, 1, 1, 1]);
    story.lakedr(&["sync", "--force"])?;
    assert_eq!(story.told()?, [1, 1, 1, 1]);
    Ok(())
}

#[test]
fn a_notice_that_is_refused_for_good_holds_back_no_other() -> Result<()> {
    let story = Story::begin()?;
    story.world.declare(&[story.group()])?;
    table(&story.world, "t", &json!({}))?;
    // alone, it is kept: all may be refused
    story.hooks.trouble(&[400]);
    let ended = story.sync("published")?;
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stderr.contains("1 notification(s) to env://STORY_HOOK are kept"), "{ended}");
    let first = ended.json()?["groups"][0]["seq"].clone();

    story.hooks.trouble(&[413]);
    let source = story.world.source("t").join("_delta_log");
    std::fs::write(source.join("00000000000000000001.json"), "{\"commitInfo\":{}}\n")?;
    let ended = story.sync("published")?;
    assert!(ended.stderr.contains("is refused by env://STORY_HOOK and dropped, others are told"), "{ended}");
    assert!(ended.stderr.contains("answers 413"), "{ended}");
    let told = story.hooks.at("/hunter-hook");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_ne!(told[0]["seq"], first);
    let ended = story.sync("up_to_date")?;
    assert!(!ended.stderr.contains("notification"), "{ended}");
    assert_eq!(story.hooks.at("/hunter-hook").len(), 1);
    Ok(())
}

#[test]
fn nothing_published_within_the_target_is_told_as_never() -> Result<()> {
    let story = Story::begin()?;
    table(&story.world, "t", &json!({"delta.deletedFileRetentionDuration": "interval 10 minutes"}))?;
    let runs = lakedr_e2e::world::url(&story.world.place("runs"))?;
    std::fs::create_dir(story.world.place("runs"))?;
    let waits = story.group().with("workflow", json!({"marker": {"url": runs}}));
    let waits = waits.with("rpo_target", json!("1s")).with("schedule", json!({"interval": "15m"}));
    story.world.declare(&[waits])?;
    story.sync("refused")?;
    assert_eq!(story.told()?, [0; 4], "waiting for the first run is no failure");
    std::thread::sleep(Duration::from_millis(1_100));
    for _ in 0..2 {
        story.sync("refused")?;
        assert_eq!(story.told()?, [1, 1, 1, 0]);
    }
    assert!(
        story.mail.mails()?[0]["headers"]["subject"].as_str().is_some_and(|s| s.contains("never published"))
    );

    // files that VACUUM may take before the next sync
    for event in ["start", "finish"] {
        story.lakedr(&["mark", event, "--group", "etl", "--run", "1"])?;
    }
    story.sync("published")?;
    let subjects: Vec<String> =
        story.mail.mails()?.iter().map(|mail| mail["headers"]["subject"].to_string()).collect();
    assert!(subjects.iter().any(|subject| subject.contains("source retention is too short")), "{subjects:?}");
    for command in ["status", "validate"] {
        let ended = story.lakedr(&[command])?;
        let warnings = ended.json()?["groups"][0]["warnings"].to_string();
        assert!(warnings.contains("hours are left before a version may be gone"), "{ended}");
    }
    Ok(())
}

#[test]
fn a_lost_standby_region_is_told_once_and_remembered_in_the_other() -> Result<()> {
    let story = Story::begin()?;
    story.world.declare(&[story.group()])?;
    table(&story.world, "t", &json!({}))?;
    story.sync("published")?;
    let (west, away) = (story.world.place("west-dr"), story.world.place("away"));
    std::fs::rename(&west, &away)?;
    std::fs::write(&west, "no folder")?;
    for _ in 0..2 {
        story.sync("failed")?;
        assert_eq!(story.told()?, [1, 1, 1, 1]);
    }
    std::fs::remove_file(&west)?;
    std::fs::rename(&away, &west)?;
    for _ in 0..2 {
        story.sync("up_to_date")?;
        assert_eq!(story.told()?, [2, 2, 2, 1]);
    }
    ensure!(!story.world.place("east-dr/meta/groups/etl/notify/ledger.json").exists(), "one ledger is left");
    Ok(())
}

#[test]
fn a_drill_that_is_due_or_fails_is_told() -> Result<()> {
    let story = Story::begin()?;
    table(&story.world, "t", &json!({}))?;
    story.world.declare(&[story.group().with("drill_every", json!("90d"))])?;
    story.sync("published")?;
    assert_eq!(story.told()?, [1, 1, 1, 1]);
    let status = story.lakedr(&["status", "--output", "text"])?;
    ensure!(status.stdout.contains("drill: never; DUE, one has to pass every "), "{status}");
    // the only file of the table holds no rows that anybody could read
    let drilled = story.lakedr(&["drill"])?;
    assert_eq!(drilled.code, Some(4), "{drilled}");
    assert_eq!(story.told()?, [2, 2, 2, 1]);
    story.sync("up_to_date")?;
    assert_eq!(story.told()?, [2, 2, 2, 1], "once a day");
    let subjects: Vec<String> = story
        .mail
        .mails()?
        .iter()
        .map(|mail| mail["headers"]["subject"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(subjects[0], "[lakedr] etl: drill due");
    ensure!(subjects[1].starts_with("[lakedr] etl: drill 1 failed: "), "{subjects:?}");
    let pages = story.hooks.at("/v2/enqueue");
    assert_eq!(pages[0]["dedup_key"], pages[1]["dedup_key"], "one incident until a drill passes");
    Ok(())
}
