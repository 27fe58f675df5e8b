//! Tables whose newest commits only their catalog knows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::regions::{Region, Regions, contents};
use lakedr_e2e::servers::UnityCatalog;
use serde_json::{Value, json};

use crate::groups::{state, without_workflow};

const BRONZE: &str = "cat.raw.bronze";
const TOKEN: &str = "dapi-of-the-story";
const UNIQUE: &str = "98a25ba8-d7db-496c-b7ba-fdb90b15f52b";
const OTHER: &str = "016ae953-37a9-438e-8683-9a9a4a79a395";

/// Staged commits, by version.
type Commits = BTreeMap<u64, PathBuf>;

fn newest(commits: &Commits) -> Result<u64> {
    commits.keys().next_back().copied().context("no commit")
}

/// The table that the catalog manages: what the example workflow writes to its own table is brought over here, commit
/// by commit, in the way of a writer that commits through the catalog.
struct Managed {
    regions: Regions,
    catalog: UnityCatalog,
    table: (String, String),
    state: String,
}

impl Managed {
    fn begin() -> Result<Self> {
        let regions = Regions::folders()?;
        let root = regions.dir(Region::East, "lake").join("managed");
        let catalog = UnityCatalog::start(&root, TOKEN)?;
        let table = catalog.create(BRONZE)?;
        let mut story = Self { regions, catalog, table, state: String::new() };
        story.state = story.declare(&json!({"url": story.catalog.url(), "token": "env://STORY_UC_TOKEN"}))?;
        Ok(story)
    }

    /// A state file in which the active side has this catalog.
    fn declare(&self, catalog: &Value) -> Result<String> {
        let mut group = without_workflow("lake", &[BRONZE, "cat.stage.silver", "cat.mart.gold"]);
        group["tables"][0]["primary_url"] = json!(self.table.1);
        let path = state(&self.regions, &[group])?;
        let mut document: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        let resources = document["resources"].as_array_mut().context("resources")?;
        let group = resources.iter_mut().find(|resource| resource["name"] == "lake").context("the group")?;
        group["instances"][0]["attributes"]["primary"]["catalog"] = catalog.clone();
        std::fs::write(&path, document.to_string())?;
        Ok(path.display().to_string())
    }

    fn root(&self) -> PathBuf {
        PathBuf::from(self.table.1.trim_start_matches("file://"))
    }

    fn log(&self) -> PathBuf {
        self.root().join("_delta_log")
    }

    /// Runs the workflow, and brings what it wrote to its own bronze table over as staged commits.
    fn run(&self, number: u32) -> Result<Commits> {
        self.regions.workflow(Region::East, &["--run", &number.to_string()])?;
        let origin = self.regions.table_dir(Region::East, BRONZE);
        let mut commits = Commits::new();
        for (path, bytes) in contents(&origin)? {
            let below = path.strip_prefix(&origin)?;
            let Ok(name) = below.strip_prefix("_delta_log") else {
                let to = self.root().join(below);
                std::fs::create_dir_all(to.parent().context("a folder")?)?;
                std::fs::write(to, bytes)?;
                continue;
            };
            let name = name.display().to_string();
            let Some(version) = name.strip_suffix(".json").and_then(|version| version.parse().ok()) else {
                continue;
            };
            let staged = self.log().join("_staged_commits").join(format!("{version:020}.{UNIQUE}.json"));
            let known = staged.is_file() || self.log().join(&name).is_file();
            if !known {
                std::fs::create_dir_all(staged.parent().context("a folder")?)?;
                std::fs::write(&staged, managed(&String::from_utf8(bytes)?, version, &self.table.0)?)?;
                commits.insert(version, staged);
            }
        }
        ensure!(!commits.is_empty(), "the workflow wrote nothing");
        Ok(commits)
    }

    /// The first run, which makes the table: its commits are published, and the catalog knows of them.
    fn first_run(&self) -> Result<u64> {
        let commits = self.run(1)?;
        self.publish(&commits)?;
        let newest = newest(&commits)?;
        if newest > 0 {
            self.ratify(&commits.into_iter().filter(|(version, _)| *version == newest).collect())?;
            self.catalog.published(&self.table, newest)?;
        }
        Ok(newest)
    }

    fn ratify(&self, commits: &Commits) -> Result<()> {
        commits.iter().try_for_each(|(version, staged)| self.catalog.ratify(&self.table, *version, staged))
    }

    fn publish(&self, commits: &Commits) -> Result<()> {
        for (version, staged) in commits {
            std::fs::copy(staged, self.log().join(format!("{version:020}.json")))?;
        }
        Ok(())
    }

    /// The report of the group.
    fn lakedr(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        self.lakedr_as(code, TOKEN, arguments)
    }

    fn lakedr_as(&self, code: i32, token: &str, arguments: &[&str]) -> Result<Value> {
        let arguments = [arguments, &["--state", &self.state, "--output", "json"]].concat();
        let mut command = self.regions.lakedr_command(Region::West, &arguments)?;
        command.env("STORY_UC_TOKEN", token);
        let outcome =
            lakedr_e2e::running::Running::spawn(&mut command)?.wait(std::time::Duration::from_secs(120))?;
        ensure!(outcome.code == Some(code), "exit code {code} was expected: {outcome}");
        Ok(outcome.json()?["groups"][0].clone())
    }

    fn standby_holds_everything(&self) -> Result<()> {
        let (east, west) = (self.regions.rows(Region::East)?, self.regions.rows(Region::West)?);
        ensure!(east == west, "rows in the east {east:?}, in the west {west:?}");
        let proof = self.lakedr(0, &["verify", "--level", "content"])?;
        ensure!(proof["equal"] == true, "{proof}");
        Ok(())
    }
}

/// A commit of the workflow as a writer through the catalog would have made it.
fn managed(commit: &str, version: u64, table_id: &str) -> Result<String> {
    let mut lines: Vec<Value> = commit.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    lines.sort_by_key(|line| line.get("commitInfo").is_none());
    for line in &mut lines {
        if let Some(info) = line.get_mut("commitInfo") {
            info["inCommitTimestamp"] = json!(1_700_000_000_000_u64 + version);
            info["txnId"] = json!(format!("txn-{version}"));
        }
        if let Some(protocol) = line.get_mut("protocol") {
            *protocol = json!({
                "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["catalogManaged"],
                "writerFeatures": ["catalogManaged", "inCommitTimestamp", "appendOnly", "invariants"],
            });
        }
        if let Some(metadata) = line.get_mut("metaData") {
            metadata["configuration"]["delta.enableInCommitTimestamps"] = json!("true");
            metadata["configuration"]["io.unitycatalog.tableId"] = json!(table_id);
        }
    }
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

#[test]
fn a_table_that_a_catalog_manages_is_read_through_the_catalog() -> Result<()> {
    let story = Managed::begin()?;
    story.first_run()?;
    assert_eq!(story.lakedr(0, &["sync"])?["outcome"], "published");
    story.standby_holds_everything()?;
    let log = story.regions.table_dir(Region::West, BRONZE).join("_delta_log");
    let commit = std::fs::read_to_string(log.join(format!("{:020}.json", 0)))?;
    assert!(!commit.contains("catalogManaged") && !commit.contains("io.unitycatalog"), "{commit}");
    assert!(commit.contains("delta.enableInCommitTimestamps"), "{commit}");

    // ratified and not published; beside it a rejected commit of the same version, and one that is not ratified yet
    let second = story.run(2)?;
    let last = newest(&second)?;
    let staging = story.log().join("_staged_commits");
    for version in [last, last + 1] {
        std::fs::write(staging.join(format!("{version:020}.{OTHER}.json")), "no commit at all")?;
    }
    story.ratify(&second)?;
    assert_eq!(story.lakedr(0, &["sync"])?["outcome"], "published");
    story.standby_holds_everything()?;
    assert_eq!(story.lakedr(0, &["sync"])?["outcome"], "up_to_date");

    // published meanwhile: the same commit under another name is no news
    story.publish(&second)?;
    assert_eq!(story.lakedr(0, &["sync"])?["outcome"], "up_to_date");
    story.catalog.published(&story.table, last)?;
    assert_eq!(story.lakedr(0, &["sync"])?["outcome"], "up_to_date");

    // a file that the catalog did not ratify is no version, whatever its name
    let rogue = story.log().join(format!("{:020}.json", last + 1));
    std::fs::write(
        &rogue,
        "{\"commitInfo\":{\"operation\":\"WRITE\",\"inCommitTimestamp\":1800000000000}}\n",
    )?;
    assert_eq!(story.lakedr(0, &["sync"])?["outcome"], "up_to_date");
    std::fs::remove_file(&rogue)?;

    story.ratify(&story.run(3)?)?;
    assert_eq!(story.lakedr(0, &["sync"])?["outcome"], "published");
    story.standby_holds_everything()
}

#[test]
fn without_its_catalog_such_a_table_is_refused_and_nothing_is_written() -> Result<()> {
    let mut story = Managed::begin()?;
    let first = story.first_run()?;
    let lake = story.regions.dir(Region::West, "lake");
    std::fs::create_dir_all(&lake)?;
    let message = |report: &Value| report["error"]["message"].as_str().unwrap_or_default().to_owned();

    let with_catalog = std::mem::take(&mut story.state);
    let declared = std::fs::read(&with_catalog)?;
    story.state = story.declare(&Value::Null)?;
    let refused = message(&story.lakedr(4, &["sync"])?);
    assert!(refused.contains("feature `catalogManaged`") && refused.contains("`catalog`"), "{refused}");
    std::fs::write(&story.state, declared)?;

    let denied = message(&story.lakedr_as(4, "another-token", &["sync"])?);
    assert!(denied.contains("401") && !denied.contains("another-token"), "{denied}");
    story.catalog.stop(503);
    let unreachable = message(&story.lakedr(5, &["sync"])?);
    assert!(unreachable.contains("503"), "{unreachable}");
    story.catalog.go_on();

    // a version that the catalog speaks of and nobody has
    let staged = story.log().join("_staged_commits").join(format!("{first:020}.{UNIQUE}.json"));
    story.catalog.ratify(&story.table, first + 1, &staged)?;
    story.catalog.published(&story.table, first + 1)?;
    let missing = message(&story.lakedr(5, &["sync"])?);
    assert!(
        missing.contains(&format!("commit {} is neither in the catalog nor published", first + 1)),
        "{missing}"
    );
    assert!(contents(&lake)?.is_empty(), "nothing was written");
    Ok(())
}
