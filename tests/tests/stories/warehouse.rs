//! Managed tables: a SQL warehouse of the standby region clones them from the landing area.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::declared::{Declared, Group, Side};
use lakedr_e2e::environment::{checkout, script, tool};
use lakedr_e2e::lake::{append, contents, file};
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::{SqlWarehouse, UnityCatalog};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

const WITHIN: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(10);
const TOKEN: &str = "dapi-of-the-warehouse";
const TABLES: [&str; 2] = ["cat.raw.bronze", "cat.mart.gold"];
/// A region of managed tables.
struct Region {
    catalog: Arc<UnityCatalog>,
    warehouse: SqlWarehouse,
}

struct Story {
    folder: TempDir,
    east: Region,
    west: Region,
    declared: Declared,
}

impl Story {
    fn new(publish: &Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let region = |name: &str| -> Result<Region> {
            let root = folder.path().join(name);
            let catalog = Arc::new(UnityCatalog::start(&root.join("catalog"), TOKEN)?);
            let warehouse = SqlWarehouse::start(
                TOKEN,
                &format!("of-{name}"),
                &root.join("managed"),
                Arc::clone(&catalog),
            )?;
            Ok(Region { catalog, warehouse })
        };
        let (east, west) = (region("east")?, region("west")?);
        for table in TABLES {
            east.warehouse.adopt(table, &lake(folder.path(), table))?;
        }
        let declared = declare(folder.path(), [&east, &west], publish)?;
        Ok(Self { folder, east, west, declared })
    }

    fn publishing() -> Result<Self> {
        let ids =
            json!({"engine": "databricks_sql", "warehouse_id": "of-west", "primary_warehouse_id": "of-east"});
        Self::new(&ids)
    }

    /// Appends a file to a table of the east.
    fn append(&self, table: &str, text: &str) -> Result<()> {
        append(&lake(self.folder.path(), table), text)
    }

    /// A finished state: both tables hold it, and it has landed.
    fn land(&self, text: &str) -> Result<()> {
        for table in TABLES {
            self.append(table, text)?;
        }
        self.send("east")
    }

    fn send(&self, region: &str) -> Result<()> {
        let landed = self.call(0, region, &["send"])?;
        ensure!(landed["outcome"] == "landed", "{landed}");
        Ok(())
    }

    fn command(&self, region: &str, arguments: &[&str]) -> Result<Command> {
        let arguments: Vec<&str> = ["--region", region].iter().chain(arguments).copied().collect();
        let mut command = self.declared.command(&arguments)?;
        command.env("STORY_TOKEN", TOKEN);
        Ok(command)
    }

    fn start(&self, region: &str, arguments: &[&str]) -> Result<Running> {
        Running::spawn(&mut self.command(region, arguments)?)
    }

    fn run(&self, region: &str, arguments: &[&str]) -> Result<Outcome> {
        self.start(region, arguments)?.wait(WITHIN)
    }

    /// What is said of the group by a call that ends with this exit code.
    fn call(&self, code: i32, region: &str, arguments: &[&str]) -> Result<Value> {
        let outcome = self.run(region, arguments)?;
        ensure!(outcome.code == Some(code), "exit code {code} was expected: {outcome}");
        Ok(outcome.json()?["groups"][0].clone())
    }

    fn receive(&self, code: i32) -> Result<Value> {
        self.call(code, "west", &["receive"])
    }

    /// The files of each table at the newest recovery point.
    fn held(&self) -> Result<Vec<Files>> {
        let status = self.call(0, "west", &["recovery-points"])?;
        let point = status["recovery_points"].as_array().and_then(|points| points.first().cloned());
        let point = point.context("a recovery point")?;
        let tables = point["cut"]["tables"].as_array().cloned().context("tables")?;
        let contents = TABLES.iter().map(|name| {
            let table = tables.iter().find(|table| table["name"] == *name).context("the table")?;
            self.west.warehouse.contents(name, table["target_version"].as_u64())
        });
        contents.collect()
    }
}

fn lake(folder: &Path, table: &str) -> PathBuf {
    folder.join("east/lake").join(table.replace('.', "/"))
}

fn declare(folder: &Path, [east, west]: [&Region; 2], publish: &Value) -> Result<Declared> {
    let url = |path: &str| format!("file://{}", folder.join(path).display());
    let side = |region: &'static str| Side {
        region,
        location: url(&format!("{region}/dr")),
        table_root: String::new(),
        options: std::collections::BTreeMap::new(),
    };
    let of = |name: &str, region: &Region| {
        json!({
            "region": name, "location": name,
            "workspace": {"url": region.warehouse.url(), "token": "env://STORY_TOKEN"},
            "catalog": {"url": region.catalog.url(), "token": "env://STORY_TOKEN"},
        })
    };
    let attributes = json!({
        "delivery": "staged", "publish": publish, "primary": of("east", east), "secondary": of("west", west),
        "retry": {"max_attempts": 1, "initial_backoff": "1s", "max_backoff": "1s"},
    });
    let group = Group {
        name: "etl".to_owned(),
        tables: TABLES.map(str::to_owned).into(),
        attributes: attributes.as_object().cloned().unwrap_or_default(),
    };
    Declared::in_folder(folder, &[side("east"), side("west")], &[group])
}

/// The bytes of files, in order.
type Files = Vec<Vec<u8>>;

fn files(texts: &[&str]) -> Result<Files> {
    let mut files = texts.iter().map(|text| file(text)).collect::<Result<Files>>()?;
    files.sort();
    Ok(files)
}

/// Both tables hold files with these rows.
fn both(texts: &[&str]) -> Result<Vec<Files>> {
    Ok(vec![files(texts)?, files(texts)?])
}

#[test]
fn managed_tables_are_cloned_from_the_landing_area() -> Result<()> {
    let story = Story::publishing()?;
    assert_eq!(story.call(0, "west", &["validate"])?["valid"], true);
    story.land("one")?;
    let planned = story.call(0, "west", &["plan"])?;
    assert_eq!(planned["outcome"], "planned", "{planned}");
    assert_eq!(story.receive(0)?["outcome"], "published");
    assert_eq!(story.held()?, both(&["one"])?);
    assert_eq!(story.receive(0)?["outcome"], "up_to_date");

    // the owner of managed tables maintains them at any time
    story.west.warehouse.commit(TABLES[0], "OPTIMIZE")?;
    story.west.warehouse.commit(TABLES[0], "VACUUM START")?;
    assert_eq!(story.receive(0)?["outcome"], "up_to_date");
    story.land("two")?;
    let published = story.receive(0)?;
    assert_eq!(published["outcome"], "published", "{published}");
    assert_eq!(story.held()?, both(&["one", "two"])?);
    assert_eq!(story.west.warehouse.operations(TABLES[0])?, ["CLONE", "OPTIMIZE", "VACUUM START", "CLONE"]);
    assert_eq!(published["cut"]["tables"][1]["target_version"], 3, "{published}");

    // a table that has not changed is not cloned
    story.append(TABLES[1], "three")?;
    story.send("east")?;
    assert_eq!(story.receive(0)?["outcome"], "published");
    assert_eq!(story.west.warehouse.operations(TABLES[0])?.len(), 4);
    let verified = story.run("west", &["verify"])?;
    ensure!(verified.code == Some(0), "{verified}");
    assert_eq!(
        story.call(0, "west", &["prune"])?["tables"],
        json!([]),
        "the catalog's are not lakedr's to prune"
    );
    Ok(())
}

/// Snapshots read what the warehouse has published, and write nothing that it manages.
#[test]
fn snapshots_are_kept_of_managed_tables_and_come_back_elsewhere() -> Result<()> {
    let story = Story::publishing()?;
    story.declared.add_schedule(&json!({
        "name": "weekly", "mode": "incremental", "source": {"sync_group": "etl"},
        "target": {"location": "west", "prefix": "copies"}, "schedule": {"interval": "7d"},
    }))?;
    let call = |code: i32, arguments: &[&str]| -> Result<Value> {
        let outcome = story.run("west", arguments)?;
        ensure!(outcome.code == Some(code), "exit code {code} was expected: {outcome}");
        Ok(outcome.json()?["schedules"][0].clone())
    };
    story.land("one")?;
    story.receive(0)?;
    let first = call(0, &["snapshot", "take"])?;
    ensure!(first["outcome"] == "taken", "{first}");
    story.land("two")?;
    story.receive(0)?;
    call(0, &["snapshot", "take", "--force"])?;
    let id = first["snapshot"].as_str().context("an id")?;
    call(0, &["verify", "--snapshot", id, "--level", "content"])?;
    let back = story.folder.path().join("back");
    let url = format!("file://{}", back.display());
    call(0, &["snapshot", "restore", "--snapshot", id, "--target", &url])?;
    for table in TABLES {
        assert_eq!(contents(&back.join(table.replace('.', "/")), None)?, files(&["one"])?, "{table}");
    }
    let before = TABLES.map(|table| contents(&lake(story.folder.path(), table), None));
    let refused = story.run("west", &["snapshot", "restore", "--snapshot", id, "--in-place", "--yes"])?;
    let why = refused.json()?["schedules"][0]["error"].clone();
    ensure!(refused.code == Some(4) && why["type"] == "unsupported", "{refused}");
    ensure!(
        why["message"].as_str().is_some_and(|text| text.contains("engines of the catalog alone")),
        "{why}"
    );
    for (table, before) in TABLES.into_iter().zip(before) {
        assert_eq!(contents(&lake(story.folder.path(), table), None)?, before?, "{table}");
    }
    Ok(())
}

#[test]
fn a_table_that_cannot_be_cloned_leaves_no_half_of_a_cut() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.receive(0)?;
    story.land("two")?;
    story.west.warehouse.refuse(TABLES[1], "BAD_REQUEST", "[DELTA_CLONE_UNSUPPORTED_SOURCE] not this one");
    let failed = story.receive(4)?;
    let message = failed["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("not this one") && message.contains("of-west"), "{failed}");
    for table in TABLES {
        assert_eq!(story.west.warehouse.contents(table, None)?, files(&["one"])?, "{table}");
    }
    assert_eq!(story.held()?, both(&["one"])?);
    assert_eq!(story.receive(0)?["outcome"], "published");
    assert_eq!(story.held()?, both(&["one", "two"])?);
    Ok(())
}

#[test]
fn a_first_publish_that_fails_is_begun_again() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.west.warehouse.refuse(TABLES[1], "BAD_REQUEST", "[INSUFFICIENT_PERMISSIONS] no CREATE TABLE");
    assert_eq!(story.receive(4)?["error"]["type"], "denied");
    assert_eq!(story.receive(0)?["outcome"], "published");
    assert_eq!(story.held()?, both(&["one"])?);
    Ok(())
}

#[test]
fn somebody_else_s_commit_is_never_replaced() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.receive(0)?;
    story.west.warehouse.commit(TABLES[0], "MERGE")?;
    story.land("two")?;
    let refused = story.receive(3)?;
    let message = refused["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("somebody@example.com, operation MERGE"), "{refused}");
    assert_eq!(story.west.warehouse.operations(TABLES[1])?, ["CLONE"], "nothing was written");
    Ok(())
}

/// Somebody drops a table between the look at it and the statement, and makes another one of its name, with fewer versions,
/// as many or more: the statement does nothing to it, and what was cloned beside it is brought back.
#[test]
fn a_table_that_is_made_anew_at_that_very_moment_is_never_replaced() -> Result<()> {
    for commits in [1, 2, 3] {
        let story = Story::publishing()?;
        for text in ["one", "two"] {
            story.land(text)?;
            story.receive(0)?;
        }
        story.land("three")?;
        story.west.warehouse.remake_before_script(TABLES[0], commits);
        let refused = story.receive(3)?;
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("made anew"), "{refused}");
        let operations = story.west.warehouse.operations(TABLES[0])?;
        assert_eq!(operations.len() as u64, commits, "{operations:?}");
        assert!(operations.iter().all(|operation| operation == "WRITE"), "{operations:?}");
        assert_eq!(story.west.warehouse.contents(TABLES[1], None)?, files(&["one", "two"])?);
        let again = story.receive(3)?;
        assert_eq!(again["error"]["type"], "diverged", "{again}");
    }
    Ok(())
}

/// The same between two publishes, also when it has come to the version that the recovery point names.
#[test]
fn a_table_that_was_made_anew_is_diverged() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.receive(0)?;
    story.west.warehouse.remake(TABLES[0], 1)?;
    let refused = story.receive(3)?;
    let message = refused["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("made the table anew"), "{refused}");
    story.land("two")?;
    assert_eq!(story.receive(3)?["error"]["type"], "diverged");
    assert_eq!(story.west.warehouse.operations(TABLES[0])?, ["WRITE"]);
    assert_eq!(story.west.warehouse.operations(TABLES[1])?, ["CLONE"], "nothing was written");
    Ok(())
}

#[test]
fn a_foreign_commit_in_the_middle_of_a_publish_brings_the_rest_back() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.receive(0)?;
    story.land("two")?;
    story.west.warehouse.hold();
    let receiver = story.start("west", &["receive"])?;
    until(|| story.west.warehouse.scripts().iter().filter(|(_, state)| *state == "RUNNING").count() == 2)?;
    // both clones have read their tables; this one loses to somebody else
    story.west.warehouse.commit(TABLES[0], "WRITE")?;
    story.west.warehouse.release();
    let outcome = receiver.wait(WITHIN)?;
    ensure!(outcome.code == Some(3), "{outcome}");
    assert_eq!(story.west.warehouse.contents(TABLES[1], None)?, files(&["one"])?);
    assert_eq!(story.held()?, both(&["one"])?);
    Ok(())
}

fn until(mut reached: impl FnMut() -> bool) -> Result<()> {
    let begun = std::time::Instant::now();
    while !reached() {
        ensure!(begun.elapsed() < WITHIN, "it does not come to that");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

#[test]
fn an_interrupted_receiver_cancels_its_statements() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.west.warehouse.hold();
    let mut receiver = story.start("west", &["receive"])?;
    until(|| story.west.warehouse.waited_for() == 2)?;
    receiver.signal(Signal::SIGTERM)?;
    let outcome = receiver.wait(SOON)?;
    ensure!(outcome.code == Some(130), "{outcome}");
    for (text, state) in story.west.warehouse.scripts() {
        assert_eq!(state, "CANCELED", "{text}");
    }
    story.west.warehouse.release();
    assert_eq!(story.receive(0)?["outcome"], "published");
    assert_eq!(story.held()?, both(&["one"])?);
    Ok(())
}

/// Whoever finishes the intent of a receiver that was killed waits for its statements, instead of sending them twice.
#[test]
fn statements_of_a_killed_receiver_are_waited_for() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.receive(0)?;
    story.land("two")?;
    story.west.warehouse.hold();
    let mut receiver = story.start("west", &["receive"])?;
    until(|| story.west.warehouse.scripts().len() == 4)?;
    receiver.signal(Signal::SIGKILL)?;
    receiver.wait(SOON)?;
    let next = story.start("west", &["receive"])?;
    std::thread::sleep(Duration::from_millis(500));
    story.west.warehouse.release();
    let outcome = next.wait(WITHIN)?;
    ensure!(outcome.code == Some(0), "{outcome}");
    assert_eq!(story.west.warehouse.scripts().len(), 4, "nothing was sent twice");
    assert_eq!(story.held()?, both(&["one", "two"])?);
    Ok(())
}

/// The receiver that sleeps between its last look and its statement: whenever it wakes up, its statement does nothing.
#[test]
fn a_late_statement_does_nothing() -> Result<()> {
    let story = Story::publishing()?;
    for text in ["one", "two", "three"] {
        story.land(text)?;
        story.receive(0)?;
    }
    let before: Vec<_> =
        TABLES.iter().map(|table| story.west.warehouse.operations(table)).collect::<Result<_>>()?;
    for (text, _) in story.west.warehouse.scripts() {
        story.west.warehouse.send(&text);
    }
    for (table, before) in TABLES.iter().zip(before) {
        assert_eq!(story.west.warehouse.operations(table)?, before, "{table}");
    }
    Ok(())
}

/// A statement of an earlier intent that has passed its check, and was on its way when everybody else went on.
#[test]
fn statements_of_earlier_publishes_are_ended_before_anybody_goes_on() -> Result<()> {
    let story = Story::publishing()?;
    for text in ["one", "two"] {
        story.land(text)?;
        story.receive(0)?;
    }
    let (older, _) = story.west.warehouse.scripts().swap_remove(2);
    story.west.warehouse.hold();
    story.west.warehouse.send(&older.replace("version > 0", "version > 1"));
    story.west.warehouse.hold_no_more();
    story.land("three")?;
    assert_eq!(story.receive(0)?["outcome"], "published");
    assert_eq!(story.held()?, both(&["one", "two", "three"])?);
    let cancelled = story.west.warehouse.scripts().into_iter().filter(|(_, state)| *state == "CANCELED");
    assert_eq!(cancelled.count(), 1);
    Ok(())
}

/// Killed at each of its requests, which then arrives or does not: the next call ends where an undisturbed one ends, and
/// what the recovery point names is whole at any time.
#[test]
fn killed_at_each_request_the_next_call_finishes() -> Result<()> {
    let story = Story::publishing()?;
    story.land("0")?;
    story.receive(0)?;
    let mut expected = files(&["0"])?;
    for (round, arrived) in (1..).map(|round| (round, round % 2 == 0)) {
        let text = round.to_string();
        story.land(&text)?;
        story.west.warehouse.stop_at(round);
        let mut receiver = story.start("west", &["receive"])?;
        let mut stopped = false;
        while !stopped && receiver.is_running()? {
            stopped = story.west.warehouse.has_stopped(Duration::from_millis(20));
        }
        if stopped {
            receiver.signal(Signal::SIGKILL)?;
        }
        receiver.wait(SOON)?;
        story.west.warehouse.go_on(arrived);
        let held = story.held()?;
        let mut after = [expected.clone(), files(&[&text])?].concat();
        after.sort();
        ensure!(held[0] == held[1] && (held[0] == expected || held[0] == after), "round {round}");
        story.receive(0)?;
        expected = after;
        assert_eq!(story.held()?, [expected.clone(), expected.clone()], "round {round}");
        if !stopped {
            ensure!(round > 12, "there are more requests than {round}");
            return Ok(());
        }
    }
    Ok(())
}

/// Roles change, the pipelines go on in the west, and the warehouse of the east brings it home.
#[test]
fn after_a_failover_the_other_warehouse_publishes() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.receive(0)?;
    let scripts = story.west.warehouse.scripts();
    for table in TABLES {
        story.append(table, "lost")?;
    }
    failover(&story)?;
    for table in TABLES {
        append(&story.west.warehouse.folder(table)?, "of the west")?;
    }
    for (text, _) in &scripts {
        story.west.warehouse.send(text);
    }
    for table in TABLES {
        assert_eq!(story.west.warehouse.contents(table, None)?, files(&["of the west", "one"])?, "{table}");
    }
    let landed = story.call(0, "west", &["sync"])?;
    assert_eq!(landed["outcome"], "landed", "{landed}");
    let published = story.call(0, "east", &["sync"])?;
    assert_eq!(published["outcome"], "published", "{published}");
    for table in TABLES {
        assert_eq!(story.east.warehouse.contents(table, None)?, files(&["of the west", "one"])?, "{table}");
        let lost = story.folder.path().join(format!("east/dr/meta/groups/etl/lost/2/{table}"));
        ensure!(fs::read_dir(&lost)?.count() == 2, "the lost commit and a report: {}", lost.display());
    }
    Ok(())
}

fn failover(story: &Story) -> Result<()> {
    let outcome = story.run("west", &["failover", "plan"])?;
    ensure!(outcome.code == Some(0), "{outcome}");
    let plan = outcome.json()?["plan"].as_str().context("an id")?.to_owned();
    let outcome = story.run("west", &["failover", "execute", "--plan", &plan, "--approve", "somebody"])?;
    ensure!(outcome.code == Some(0), "{outcome}");
    Ok(())
}

#[test]
fn nobody_publishes_without_a_warehouse_of_the_region() -> Result<()> {
    let story = Story::new(&json!({"engine": "databricks_sql", "warehouse_id": "of-west"}))?;
    story.land("one")?;
    story.receive(0)?;
    failover(&story)?;
    story.call(0, "west", &["sync"])?;
    let failed = story.call(2, "east", &["sync"])?;
    let message = failed["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("nobody publishes in region east"), "{failed}");
    assert!(message.contains("publish.primary_warehouse_id"), "{failed}");
    Ok(())
}

/// The stand-in answers as the service does: the vendor's own SDK makes the same calls, and understands the answers.
#[test]
fn the_sdk_of_the_vendor_understands_the_warehouse() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.receive(0)?;
    let mut command = Command::new(tool("venv/bin/python")?);
    command
        .arg(checkout().join("tests/databricks/warehouse.py"))
        .args([&story.west.warehouse.url(), "of-west"]);
    command.env("DATABRICKS_TOKEN", TOKEN);
    let outcome = Running::spawn(&mut command)?.wait(WITHIN)?;
    ensure!(outcome.stdout.contains("understood"), "{outcome}");
    Ok(())
}

/// The tables of a drill's copy, as the validation was asked about them, and the files that are in them.
fn judged(request: &Path, kept: &Path) -> Result<Vec<Files>> {
    let request: Value = serde_json::from_slice(&fs::read(request)?)?;
    let tables = request["tables"].as_array().context("tables")?;
    let contents_of = |name: &str| {
        let table = tables.iter().find(|table| table["name"] == name).context("the table")?;
        let url = table["url"].as_str().and_then(|url| url.strip_prefix("file://")).context("a folder")?;
        ensure!(url.contains("/drills/"), "{url}");
        let copy = kept.join(name);
        contents(&copy, None)
    };
    TABLES.iter().map(|name| contents_of(name)).collect()
}

#[test]
fn a_drill_copies_managed_tables_and_has_them_judged() -> Result<()> {
    let story = Story::publishing()?;
    story.land("one")?;
    story.receive(0)?;
    story.land("two")?;
    story.receive(0)?;
    let (request, kept) = (story.folder.path().join("request.json"), story.folder.path().join("judged"));
    let copies: String = TABLES
        .iter()
        .map(|name| format!("cp -r \"$root/{}\" {}\n", name.replace('.', "/"), kept.join(name).display()))
        .collect();
    let judge = script(
        &story.folder.path().join("judge"),
        &format!(
            "cat > {request}\nroot=$(sed 's/.*\"url\":\"file:\\/\\/\\([^\"]*\\)\\/cat\\/raw\\/bronze\".*/\\1/' {request})\nmkdir {kept}\n{copies}",
            request = request.display(),
            kept = kept.display(),
        ),
    )?;
    let operations = || -> Result<Vec<Vec<String>>> {
        TABLES.iter().map(|table| story.west.warehouse.operations(table)).collect()
    };
    let before = operations()?;
    let drilled = story.call(0, "west", &["drill", "--validate", &judge])?;
    assert_eq!((&drilled["outcome"], &drilled["region"]), (&json!("passed"), &json!("west")), "{drilled}");
    assert_eq!(judged(&request, &kept)?, both(&["one", "two"])?);
    assert_eq!(operations()?, before, "a drill commits nothing to a managed table");
    assert_eq!(story.receive(0)?["outcome"], "up_to_date");

    // somebody writes to a table of the standby region: no failover goes on from there
    story.west.warehouse.commit(TABLES[0], "WRITE")?;
    let drilled = story.call(4, "west", &["drill"])?;
    assert_eq!(drilled["outcome"], "failed", "{drilled}");
    ensure!(drilled["problems"].to_string().contains(TABLES[0]), "{drilled}");
    Ok(())
}
