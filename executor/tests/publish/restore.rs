//! A group that goes back to a recovery point that it had.

use chrono::TimeDelta;
use lakedr::report::{Outcome, Progress};
use lakedr::restore::{NotRestored, RestoreRefusal, Restored, To, Where, restore_group};
use lakedr_control::group_log::IntentKind;
use lakedr_control::location::StoreUrl;
use lakedr_control::spec::SyncGroupSpec;

use crate::checks::{case, count, held_run, newest, readable};
use crate::lab::{Lab, TABLES, slot_key};
use crate::tree::{self, changes};
use crate::writes::{Write, prefixes, steps};

pub(crate) const IN_PLACE: Where = Where::InPlace { yes: true };

async fn restore_with(
    lab: &Lab,
    spec: &SyncGroupSpec,
    to: To,
    place: &Where,
) -> Result<Restored, NotRestored> {
    let executor = lab.executor_of(spec);
    restore_group(&executor.scene().await, to, place, &Progress::silent()).await
}

async fn restore(lab: &Lab, to: To, place: &Where) -> Restored {
    restore_with(lab, &lab.spec(), to, place).await.unwrap()
}

pub(crate) async fn refused(lab: &Lab, to: To, place: &Where) -> RestoreRefusal {
    match restore_with(lab, &lab.spec(), to, place).await {
        Err(NotRestored::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Three runs, each synced; the recovery points that they made.
pub(crate) async fn three_points(lab: &Lab) -> Vec<u64> {
    for run in 1..=3 {
        lab.run(run);
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
    }
    lab.history().await.state.unwrap().recovery_points.iter().map(|point| point.seq).collect()
}

#[tokio::test]
async fn all_tables_go_back_together_and_forward_again() {
    for lab in [Lab::new(), Lab::staged()] {
        let points = three_points(&lab).await;
        let report = restore(&lab, To::Entry(points[0]), &IN_PLACE).await;
        assert_eq!((report.point, report.tables.len()), (points[0], 3));
        let history = readable(&lab).await;
        let point = newest(&history).unwrap();
        assert_eq!((held_run(&history), point.kind, Some(point.seq)), (1, IntentKind::Restore, report.seq));
        // from there the newest run comes again, and what was between stays in the history
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
        let history = readable(&lab).await;
        assert_eq!((held_run(&history), count(&history, "published")), (3, 5));
    }
}

#[tokio::test]
async fn a_restore_that_is_killed_after_every_write_goes_on() {
    let lab = Lab::new();
    let points = three_points(&lab).await;
    let before = lab.read();
    restore(&lab, To::Entry(points[0]), &IN_PLACE).await;
    let after = lab.read();
    let crashes = prefixes(&before, &steps(&before, &after));
    assert!(crashes.len() > 20, "{}", crashes.len());
    for crash in crashes {
        case(&crash.after);
        lab.restore(&crash.standby);
        if let Some(Write::Put(key, bytes)) = &crash.torn {
            tree::write(&lab.standby().join(tree::torn(key)), &bytes[..bytes.len() / 2]);
        }
        assert!([1, 3].contains(&held_run(&readable(&lab).await)));
        restore(&lab, To::Entry(points[0]), &IN_PLACE).await;
        let history = readable(&lab).await;
        let kinds = history.state.as_ref().unwrap().recovery_points.iter().map(|point| point.kind);
        assert_eq!(kinds.filter(|kind| *kind == IntentKind::Restore).count(), 1, "once");
        assert_eq!(held_run(&history), 1);
    }
}

#[tokio::test]
async fn a_point_is_found_by_the_moment_that_it_shows() {
    let lab = Lab::new();
    let points = three_points(&lab).await;
    // run 2 ended at 08:02
    let at = "2026-11-20T08:02:30Z".parse().unwrap();
    assert_eq!(restore(&lab, To::AtOrBefore(at), &IN_PLACE).await.point, points[1]);
    let too_early = To::AtOrBefore("2026-11-20T08:00:00Z".parse().unwrap());
    let RestoreRefusal::NoSuchPoint { known } = refused(&lab, too_early, &IN_PLACE).await else { panic!() };
    assert_eq!(known.len(), 4, "{known:?}");
}

#[tokio::test]
async fn nothing_is_restored_that_the_next_sync_would_undo() {
    let lab = Lab::new();
    let points = three_points(&lab).await;
    let (before, to) = (lab.read(), To::Entry(points[0]));
    assert_eq!(refused(&lab, to, &Where::InPlace { yes: false }).await, RestoreRefusal::NotPaused);
    assert_eq!(changes(&before, &lab.read()), [].into());
    let paused = SyncGroupSpec { paused: true, ..lab.spec() };
    restore_with(&lab, &paused, to, &Where::InPlace { yes: false }).await.unwrap();
    assert_eq!(lab.executor_of(&paused).sync().await.outcome, Outcome::Refused);
    assert_eq!(held_run(&readable(&lab).await), 1);
}

#[tokio::test]
async fn nothing_of_somebody_else_is_undone() {
    let lab = Lab::new();
    let points = three_points(&lab).await;
    let commit = "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"WRITE\",\"engineInfo\":\"west/1.0\"}}\n";
    tree::write(&lab.standby().join(slot_key(TABLES[1], 3)), commit.as_bytes());
    let before = lab.read();
    let stopped = restore_with(&lab, &lab.spec(), To::Entry(points[0]), &IN_PLACE).await;
    assert!(matches!(stopped, Err(NotRestored::Stopped(_))), "{stopped:?}");
    assert_eq!(changes(&before, &lab.read()), [].into());
}

#[tokio::test]
async fn a_point_of_which_a_file_is_gone_is_refused() {
    let lab = Lab::new();
    let points = three_points(&lab).await;
    // gold is overwritten by each run, so only older versions need the file of the first
    let removed = lab.standby().join("lake/cat/s/gold/part-1-cat.s.gold.parquet");
    std::fs::remove_file(removed).unwrap();
    let refusal = refused(&lab, To::Entry(points[0]), &IN_PLACE).await;
    assert_eq!(refusal.tag(), "version_gone", "{refusal}");
    assert_eq!(held_run(&lab.history().await), 3);
}

#[tokio::test]
async fn a_point_that_a_prune_gives_up_goes_elsewhere_only() {
    let lab = Lab::new();
    let points = three_points(&lab).await;
    // its files are still there, but a prune may be about to delete them
    let executor = lab.executor().with_clock(TimeDelta::days(60));
    let restore = async |point, place: &Where| {
        restore_group(&executor.scene().await, To::Entry(point), place, &Progress::silent()).await
    };
    let before = lab.read();
    let Err(NotRestored::Refused(refusal)) = restore(points[0], &IN_PLACE).await else { panic!() };
    assert_eq!(refusal.tag(), "version_gone");
    assert!(refusal.to_string().contains("--target"), "{refusal}");
    restore(points[2], &IN_PLACE).await.unwrap();
    assert_eq!(changes(&before, &lab.read()), [].into());
    let url: StoreUrl = format!("file://{}", lab.root().join("elsewhere").display()).parse().unwrap();
    restore(points[0], &Where::Elsewhere(url)).await.unwrap();
}

#[tokio::test]
async fn elsewhere_the_tables_are_their_own() {
    let lab = Lab::new();
    let points = three_points(&lab).await;
    let before = lab.read();
    let url: StoreUrl = format!("file://{}", lab.root().join("elsewhere").display()).parse().unwrap();
    let place = Where::Elsewhere(url);
    let report = restore(&lab, To::Entry(points[1]), &place).await;
    assert_eq!((report.seq, report.tables.len()), (None, 3));
    assert_eq!(changes(&before, &lab.read()), [].into(), "nothing of the group is touched");
    let files = tree::read(&lab.root().join("elsewhere"));
    let rows = |table: &str, run: u64| {
        let key = format!("{}/part-{run}-{table}.parquet", table.replace('.', "/"));
        files.get(&key).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
    };
    assert_eq!(rows(TABLES[0], 2), Some("rows of cat.s.bronze by run 2\n".to_owned()));
    assert_eq!((rows(TABLES[1], 1), rows(TABLES[0], 3)), (None, None), "what the point does not name");
    // the same call again finds it done; another point does not fit there
    restore(&lab, To::Entry(points[1]), &place).await;
    assert_eq!(refused(&lab, To::Entry(points[0]), &place).await.tag(), "target_taken");
}
