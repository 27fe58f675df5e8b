//! What pruning leaves is enough for every recovery point that is kept, and for the sync that comes next.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use lakedr::observe::snapshot::Columns;
use lakedr::prune::{PruneReport, prune_group};
use lakedr::report::Outcome;
use lakedr_control::group_log::RecoveryPoint;
use lakedr_control::validate::SideName;
use proptest::prelude::*;

use crate::lab::{Executor, GROUP, Lab, SYNC, TABLES, slot_key, table_key};
use crate::tree;

/// The longest retention of a table that says nothing: `delta.logRetentionDuration`.
const WINDOW: TimeDelta = TimeDelta::days(30);

impl Lab {
    async fn prune(&self, now: DateTime<Utc>, dry_run: bool) -> PruneReport {
        prune_group(&self.executor().scene().await, now, dry_run).await.unwrap()
    }

    async fn points(&self) -> Vec<RecoveryPoint> {
        self.history().await.state.unwrap().recovery_points
    }

    fn target_file(&self, table: &str, name: &str) -> PathBuf {
        self.standby().join(table_key(table)).join(name)
    }

    /// A copy of a run's file that an attempt made which came no further.
    fn copy_left_behind(&self, table: &str, run: u64) {
        let name = data_file(table, run);
        let source = self.standby().parent().unwrap().join("east").join(table_key(table)).join(&name);
        tree::write(&self.target_file(table, &name), &std::fs::read(source).unwrap());
    }
}

fn data_file(table: &str, run: u64) -> String {
    format!("part-{run}-{table}.parquet")
}

/// Every data file that a recovery point names is there.
async fn reads(executor: &Executor, point: &RecoveryPoint) {
    let scene = executor.scene().await;
    for table in scene.stores.tables(SideName::Secondary, scene.group).await.unwrap() {
        let version = point.cut.table(&table.name).unwrap().target_version;
        let delta = table.table();
        let snapshot = delta.snapshot(&delta.listing().await.unwrap(), version).await.unwrap();
        let files: Vec<_> = snapshot.files(Columns::All).try_collect().await.unwrap();
        assert!(!files.is_empty());
        for (key, _) in files {
            let path = PathBuf::from(table.url.as_str().trim_start_matches("file://")).join(&*key.path);
            assert!(path.exists(), "entry {} needs {}", point.seq, path.display());
        }
    }
}

/// Some runs, a sync, and pruning at the end of the window of one of the recovery points.
#[derive(Debug, Clone)]
struct Step {
    runs: u64,
    point: prop::sample::Index,
    /// A run has ended, and an attempt to sync it has left its files.
    attempt: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (1_u64..3, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(runs, point, attempt)| Step {
        runs,
        point,
        attempt,
    })
}

async fn carry_out(steps: &[Step]) {
    let lab = Lab::new();
    let (mut run, mut oldest) = (0, 0);
    for step in steps {
        for _ in 0..step.runs {
            run += 1;
            lab.run(run);
        }
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
        if step.attempt {
            run += 1;
            lab.run(run);
            TABLES.iter().for_each(|table| lab.copy_left_behind(table, run));
        }
        tree::write(&lab.target_file("cat.s.gold", "left-behind.parquet"), b"rows of nobody");
        let points = lab.points().await;
        oldest = step.point.index(points.len()).max(oldest);
        // the last attempt's files have to be old, too
        let now = points[oldest].published_at + WINDOW;
        let later =
            points.get(oldest + 1).is_some_and(|next| next.published_at == points[oldest].published_at);
        let planned = lab.prune(now, true).await;
        let before = lab.read();
        let report = lab.prune(now, false).await;
        for (planned, done) in planned.tables.iter().zip(&report.tables) {
            assert_eq!((planned.removed, &planned.kept), (done.removed, &done.kept));
            assert!(done.error.is_none() && done.refused == 0, "{done:?}");
        }
        let removed = tree::changes(&before, &lab.read());
        let files: BTreeSet<&String> = removed.iter().filter(|key| key.starts_with("lake/")).collect();
        assert_eq!(files.len() as u64, report.tables.iter().map(|table| table.removed.files).sum::<u64>());
        assert!(files.iter().all(|key| !key.contains("_delta_log")), "{files:?}");
        let kept = usize::try_from(report.recovery_points.kept).unwrap();
        assert!(later || kept == points.len() - oldest, "{report:?}");
        let executor = lab.executor();
        for point in &points[points.len() - kept..] {
            reads(&executor, point).await;
        }
        if step.attempt {
            for table in TABLES {
                assert!(lab.target_file(table, &data_file(table, run)).exists(), "the next sync needs it");
            }
        }
    }
    if steps.last().is_some_and(|step| step.attempt) {
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
    }
    assert_eq!(lab.sync().await.outcome, Outcome::UpToDate);
    reads(&lab.executor(), lab.points().await.last().unwrap()).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_kept_recovery_point_still_reads(steps in prop::collection::vec(step(), 1..5)) {
        tokio::runtime::Runtime::new().unwrap().block_on(carry_out(&steps));
    }
}

#[tokio::test]
async fn what_only_recovery_points_that_are_given_up_name_is_removed() {
    let lab = Lab::new();
    for run in 1..=4 {
        lab.run(run);
        lab.sync().await;
    }
    tree::write(&lab.target_file("cat.s.gold", "left-behind.parquet"), b"rows of nobody");
    let points = lab.points().await;
    let records = |lab: &Lab| {
        let folder = format!("{SYNC}/meta/groups/{GROUP}/state/");
        lab.read().keys().filter(|key| key.starts_with(&folder)).count()
    };
    assert_eq!(records(&lab), 12);
    // an hour later everything is young
    let report = lab.prune(points[3].published_at + TimeDelta::hours(1), false).await;
    assert_eq!((report.recovery_points.kept, report.tables[1].removed.files), (4, 0));
    // a window after the third one was published, the second one has been old for just as long
    let report = lab.prune(points[2].published_at + WINDOW, false).await;
    assert_eq!((report.recovery_points.kept, report.recovery_points.given_up), (2, 2));
    let there = |run| lab.target_file("cat.s.gold", &data_file("cat.s.gold", run)).exists();
    assert_eq!((1..=4).map(there).collect::<Vec<_>>(), [false, false, true, true]);
    assert_eq!(records(&lab), 6);
    let report = lab.prune(points[3].published_at + WINDOW * 2, false).await;
    assert_eq!(report.recovery_points.kept, 1);
    assert_eq!((1..=4).map(there).collect::<Vec<_>>(), [false, false, false, true]);
    assert!(!lab.target_file("cat.s.gold", "left-behind.parquet").exists());
    let again = lab.prune(points[3].published_at + WINDOW * 2, false).await;
    assert!(again.tables.iter().all(|table| table.removed.files == 0), "{again:?}");
    assert_eq!(again.metadata.removed, 0);
}

#[tokio::test]
async fn a_table_that_somebody_else_wrote_to_is_left_alone() {
    let lab = Lab::new();
    for run in 1..=2 {
        lab.run(run);
        lab.sync().await;
    }
    tree::write(&lab.standby().join(slot_key("cat.s.gold", 2)), crate::foreign::FOREIGN);
    let now = lab.points().await[1].published_at + WINDOW * 2;
    let report = lab.prune(now, false).await;
    let gold = &report.tables[1];
    assert_eq!((gold.name.to_string().as_str(), gold.removed.files), ("cat.s.gold", 0));
    assert_eq!(gold.error.as_ref().unwrap().r#type, "diverged");
    assert!(lab.target_file("cat.s.gold", &data_file("cat.s.gold", 1)).exists());
    assert_eq!(report.exit().code(), 4);
}

#[tokio::test]
async fn an_open_intent_is_finished_first() {
    let opened = crate::open_intent::opened(2).await;
    opened.lab.restore(&opened.filled(1));
    let before = opened.lab.read();
    let far = Utc::now() + WINDOW * 12;
    let stop = prune_group(&opened.lab.executor().scene().await, far, false).await.unwrap_err();
    let lakedr::pipeline::Stop::Refused(refusal) = stop else { panic!("{stop:?}") };
    assert_eq!(refusal.tag(), "fenced");
    assert!(refusal.to_string().contains("`lakedr sync` finishes it first"), "{refusal}");
    assert_eq!(opened.lab.read(), before);
}
