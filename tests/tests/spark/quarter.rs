//! A quarter of weekly snapshots of tables that Spark writes, kept incrementally and as complete copies. Weeks pass by moving
//! what has been into the past: the times of the commits, and those that the catalogs tell.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::declared::{Declared, Group, Side};
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::spark::{Rows, Spark};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

const WEEKS: usize = 12;
const WEEK: Duration = Duration::from_secs(7 * 86_400);
const WITHIN: Duration = Duration::from_secs(60);
const MODES: [&str; 2] = ["incremental", "batch"];
const ORDERS: &str = "cat.q.orders";
/// Overwritten every week, and once dropped and made anew.
const TOTALS: &str = "cat.q.totals";
const TABLES: [&str; 2] = [ORDERS, TOTALS];

/// What the tables hold.
type State = BTreeMap<&'static str, Rows>;

/// A snapshot: the state that it shows, and where its copies are.
struct Taken {
    id: String,
    week: usize,
    copies: BTreeMap<String, (String, u64)>,
}

struct Quarter<'a> {
    spark: &'a mut Spark,
    folder: TempDir,
    declared: Declared,
    states: Vec<State>,
    taken: BTreeMap<&'static str, Vec<Taken>>,
}

/// The whole quarter: every snapshot that is kept shows the rows of its week, and so does what is restored.
pub(crate) fn of_snapshots(spark: &mut Spark) -> Result<()> {
    let mut quarter = Quarter::begin(spark)?;
    for week in 0..WEEKS {
        quarter.write(week)?;
        if week == 7 {
            quarter.kill_a_take()?;
            // however far that one came
            quarter.take(week, &["--force"])?;
        } else {
            quarter.take(week, &[])?;
        }
        quarter.a_week_passes()?;
    }
    quarter.prune()?;
    for mode in MODES {
        quarter.kept_snapshots_show_their_weeks(mode)?;
    }
    quarter.restores_show_their_weeks()
}

fn declare(folder: &Path) -> Result<Declared> {
    let url = |below: &str| format!("file://{}", folder.join(below).display());
    let side = |region| Side {
        region,
        location: url(&format!("dr-{region}")),
        table_root: url(&format!("lake-{region}")),
        options: BTreeMap::new(),
    };
    let sides = [side("east"), side("west")];
    for place in ["dr-east", "dr-west"] {
        std::fs::create_dir_all(folder.join(place))?;
    }
    let group =
        Group { name: "other".to_owned(), tables: vec!["cat.q.other".to_owned()], ..Group::default() };
    let declared = Declared::in_folder(folder, &sides, &[group])?;
    let tables: Vec<Value> = TABLES.iter().map(|name| json!({ "name": name })).collect();
    for mode in MODES {
        declared.add_schedule(&json!({
            "name": mode, "mode": mode,
            "source": {"region": "east", "table_root": sides[0].table_root, "tables": tables},
            "target": {"location": "west", "prefix": mode},
            "schedule": {"cron": "0 3 * * 0"}, "retention": {"keep_last": 3, "keep_monthly": 3},
        }))?;
    }
    Ok(declared)
}

impl<'a> Quarter<'a> {
    fn begin(spark: &'a mut Spark) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("lakedr-quarter-").tempdir()?;
        let declared = declare(folder.path())?;
        Ok(Self { spark, folder, declared, states: Vec::new(), taken: BTreeMap::new() })
    }

    fn table(&self, name: &str) -> PathBuf {
        self.folder.path().join("lake-east").join(name.replace('.', "/"))
    }

    fn sql(&mut self, table: &str, statement: &str) -> Result<()> {
        let named = format!("delta.`file://{}`", self.table(table).display());
        self.spark.query(&statement.replace("{t}", &named)).map(drop)
    }

    /// Updates, inserts and deletes by one MERGE, an overwritten table, and what befalls tables in a quarter.
    fn write(&mut self, week: usize) -> Result<()> {
        match week {
            0 => {
                self.sql(
                    ORDERS,
                    "CREATE TABLE {t} (id BIGINT, week INT) USING delta PARTITIONED BY (week) \
                     TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')",
                )?;
                self.sql(TOTALS, "CREATE TABLE {t} (week INT, orders BIGINT) USING delta")?;
            }
            4 => {
                self.spark.query("SET spark.databricks.delta.retentionDurationCheck.enabled = false")?;
                // else VACUUM lists a few folders by ten thousand tasks
                self.spark.query("SET spark.sql.sources.parallelPartitionDiscovery.parallelism = 2")?;
                let before = files(&self.table(TOTALS))?;
                self.sql(ORDERS, "VACUUM {t} RETAIN 0 HOURS")?;
                self.sql(TOTALS, "VACUUM {t} RETAIN 0 HOURS")?;
                ensure!(files(&self.table(TOTALS))? < before, "VACUUM has removed nothing");
            }
            6 => self.sql(ORDERS, "ALTER TABLE {t} ADD COLUMNS (note STRING)")?,
            9 => {
                std::fs::remove_dir_all(self.table(TOTALS))?;
                self.sql(TOTALS, "CREATE TABLE {t} (week INT, orders BIGINT, more STRING) USING delta")?;
            }
            _ => {}
        }
        let (first, gone) = (week * 50, week * 10);
        let merge = format!(
            "MERGE INTO {{t}} t USING (SELECT id, CAST({week} AS INT) AS week FROM range({first}, {first} + 100)) s \
             ON t.id = s.id WHEN MATCHED THEN UPDATE SET week = s.week \
             WHEN NOT MATCHED THEN INSERT (id, week) VALUES (s.id, s.week) \
             WHEN NOT MATCHED BY SOURCE AND t.id < {gone} THEN DELETE"
        );
        self.sql(ORDERS, &merge)?;
        let more = if week < 9 { "" } else { ", 'made anew'" };
        self.sql(TOTALS, &format!("INSERT OVERWRITE {{t}} SELECT {week}, {first}{more}"))?;
        let mut state = State::new();
        for table in TABLES {
            let path = format!("file://{}", self.table(table).display());
            state.insert(table, self.spark.rows(&path, None)?);
            // what is being written at this very moment is in no snapshot
            older(&self.table(table).join("_delta_log"), Duration::from_secs(60))?;
        }
        ensure!(!self.states.contains(&state), "week {week} is like another one");
        self.states.push(state);
        Ok(())
    }

    fn lakedr(&self, arguments: &[&str]) -> Result<Outcome> {
        self.declared.lakedr(arguments, WITHIN)
    }

    /// What each schedule says.
    fn said(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let outcome = self.lakedr(arguments)?;
        ensure!(outcome.code == Some(0), "{outcome}");
        Ok(outcome.json()?["schedules"].as_array().context("schedules")?.clone())
    }

    /// Takes both snapshots, which are due and then are not.
    fn take(&mut self, week: usize, how: &[&str]) -> Result<()> {
        for said in self.said(&[&["snapshot", "take"], how].concat())? {
            ensure!(said["outcome"] == "taken", "week {week}: {said}");
            let mode = MODES.into_iter().find(|mode| said["schedule"] == *mode).context("a schedule")?;
            let copy = |table: &Value| {
                let place = (table["path"].as_str()?.to_owned(), table["version"].as_u64()?);
                Some((table["name"].as_str()?.to_owned(), place))
            };
            let tables = said["tables"].as_array().context("tables")?;
            let copies = tables.iter().map(copy).collect::<Option<_>>().context("paths and versions")?;
            let id = said["snapshot"].as_str().context("an id")?.to_owned();
            self.taken.entry(mode).or_default().push(Taken { id, week, copies });
        }
        let again = self.said(&["snapshot", "take"])?;
        ensure!(again.iter().all(|said| said["outcome"] == "not_due"), "{again:?}");
        Ok(())
    }

    /// Kills a call as soon as it is at work, and lets the time pass that others wait for it.
    fn kill_a_take(&self) -> Result<()> {
        let meta = |mode: &str| self.folder.path().join("dr-west").join(mode).join("meta");
        let versions = || -> Result<usize> {
            let count = |mode| Ok::<_, anyhow::Error>(std::fs::read_dir(meta(mode).join("catalog"))?.count());
            Ok(count(MODES[0])? + count(MODES[1])?)
        };
        let (before, begin) = (versions()?, Instant::now());
        let mut running = Running::spawn(&mut self.declared.command(&["snapshot", "take"])?)?;
        while versions()? == before && running.is_running()? {
            ensure!(begin.elapsed() < WITHIN, "it does not begin");
        }
        // one that has ended meanwhile has come through
        let _ = running.signal(Signal::SIGKILL);
        running.wait(WITHIN)?;
        for mode in MODES {
            edit_catalog(&meta(mode).join("catalog"), |catalog| {
                if let Some(since) = catalog["under_way"].get_mut("since") {
                    *since = earlier(since)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Everything is a week older.
    fn a_week_passes(&self) -> Result<()> {
        for table in TABLES {
            older(&self.table(table).join("_delta_log"), WEEK)?;
        }
        for mode in MODES {
            let catalog = self.folder.path().join("dr-west").join(mode).join("meta/catalog");
            edit_catalog(&catalog, |catalog| {
                let snapshots = catalog["snapshots"].as_array_mut().context("snapshots")?;
                for snapshot in snapshots {
                    for time in ["taken_at", "as_of"] {
                        snapshot[time] = earlier(&snapshot[time])?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn prune(&mut self) -> Result<()> {
        for said in self.said(&["snapshot", "prune"])? {
            let mode = MODES.into_iter().find(|mode| said["schedule"] == *mode).context("a schedule")?;
            let removed = said["removed"].as_array().context("removed")?;
            let taken = self.taken.get_mut(mode).context("snapshots")?;
            taken.retain(|taken| !removed.iter().any(|removed| removed["id"] == taken.id.as_str()));
            // the last three, and the newest ones of two or three months
            ensure!((4..=6).contains(&taken.len()), "{mode}: {said}");
            ensure!(said["deleted"]["bytes"].as_u64() > Some(0), "{said}");
        }
        Ok(())
    }

    fn kept_snapshots_show_their_weeks(&mut self, mode: &str) -> Result<()> {
        let data = self.folder.path().join("dr-west").join(mode).join("data");
        for taken in self.taken.get(mode).into_iter().flatten() {
            for table in TABLES {
                let (path, version) = taken.copies.get(table).context(table)?;
                let path = format!("file://{}", data.join(path).display());
                let rows = self.spark.rows(&path, Some(*version))?;
                ensure!(rows == self.states[taken.week][table], "{table} of week {}, {mode}", taken.week);
            }
        }
        Ok(())
    }

    /// Elsewhere from each mode, then a lost table in place, then all of the last week but one.
    fn restores_show_their_weeks(&mut self) -> Result<()> {
        for mode in MODES {
            let oldest = self.taken.get(mode).and_then(|taken| taken.first()).context("a snapshot")?;
            let (id, week, place) = (oldest.id.clone(), oldest.week, format!("back-{mode}"));
            let url = format!("file://{}", self.folder.path().join(&place).display());
            self.restore(&["--schedule", mode, "--snapshot", &id, "--target", &url])?;
            self.shows(&place, week)?;
        }
        let taken = self.taken.get(MODES[0]).context("snapshots")?;
        let before = &taken[taken.len() - 2];
        let (id, week) = (before.id.clone(), before.week);
        std::fs::remove_dir_all(self.table(TOTALS))?;
        self.restore(&["--schedule", MODES[0], "--snapshot", &id, "--in-place", "--yes"])?;
        self.shows("lake-east", week)?;
        // and Spark goes on writing to them
        self.sql(ORDERS, "DELETE FROM {t} WHERE id % 2 = 0")?;
        self.sql(TOTALS, "INSERT INTO {t} VALUES (99, 99, 'goes on')")
    }

    fn restore(&self, arguments: &[&str]) -> Result<()> {
        self.said(&[&["snapshot", "restore"], arguments].concat()).map(drop)
    }

    fn shows(&mut self, root: &str, week: usize) -> Result<()> {
        for table in TABLES {
            let path = self.folder.path().join(root).join(table.replace('.', "/"));
            let rows = self.spark.rows(&format!("file://{}", path.display()), None)?;
            ensure!(rows == self.states[week][table], "{table} of week {week} in {root}");
        }
        Ok(())
    }
}

/// Objects in the folder of a table.
fn files(table: &Path) -> Result<usize> {
    Ok(std::fs::read_dir(table)?.count())
}

/// Makes the commits of a table older.
fn older(log: &Path, by: Duration) -> Result<()> {
    for file in std::fs::read_dir(log)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let modified = std::fs::metadata(&path)?.modified()?;
            File::options().write(true).open(&path)?.set_modified(modified - by)?;
        }
    }
    Ok(())
}

fn earlier(time: &Value) -> Result<Value> {
    let time: chrono::DateTime<chrono::Utc> = time.as_str().context("a time")?.parse()?;
    Ok(json!((time - WEEK).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)))
}

/// Edits the newest version of a catalog where it lies.
fn edit_catalog(folder: &Path, edit: impl Fn(&mut Value) -> Result<()>) -> Result<()> {
    let files = std::fs::read_dir(folder)?.map(|file| Ok(file?.path()));
    let files = files.collect::<Result<Vec<_>>>()?.into_iter();
    let newest = files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).max();
    let newest = newest.context("a catalog")?;
    let mut catalog: Value = serde_json::from_slice(&std::fs::read(&newest)?)?;
    edit(&mut catalog)?;
    Ok(std::fs::write(newest, catalog.to_string())?)
}
