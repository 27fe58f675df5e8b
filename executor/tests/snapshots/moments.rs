//! Restores to a moment: of the snapshots and of what the source still holds, the newest state of then or before.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lakedr::error::chain;
use lakedr::snapshots::{Picked, RestoreReport, Where, Which};
use serde_json::json;

use crate::lab::{Call, Lab, State, TABLES, live, rows};
use crate::restores::in_place;

/// Both tables had a version three hours ago, of which there is a snapshot, one of 90 minutes ago, and one of 30.
async fn three_versions() -> (Lab, [State; 3]) {
    let lab = Lab::new(json!({}));
    let mut states = Vec::new();
    for (version, minutes) in [(0, 180), (1, 90), (2, 30)] {
        lab.week(version);
        TABLES.iter().for_each(|table| lab.committed(table, version, Duration::from_secs(minutes * 60)));
        states.push(lab.source());
        if version == 0 {
            lab.call(TimeDelta::minutes(-150)).taken().await;
        }
    }
    (lab, states.try_into().unwrap())
}

fn ago(minutes: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::minutes(minutes)
}

async fn back(call: &Call, minutes: i64, tables: &[&str], to: &Where) -> RestoreReport {
    let restored = call.restore(&Which::AtOrBefore(ago(minutes)), tables, to).await;
    restored.unwrap_or_else(|failure| panic!("{}", chain(&failure)))
}

/// What is at a place of its own.
fn shown(lab: &Lab, place: &str) -> State {
    TABLES.map(|name| (name, rows(&lab.root().join(place).join(name.replace('.', "/")), None))).into()
}

#[tokio::test]
async fn the_source_is_picked_where_it_holds_what_is_newer() {
    let (lab, states) = three_versions().await;
    let call = lab.call(TimeDelta::zero());
    let elsewhere = |place: &str| Where::Elsewhere(lab.url(place).parse().unwrap());
    let report = back(&call, 60, &[], &elsewhere("an-hour")).await;
    assert_eq!((report.picked, report.snapshot, report.warning), (Picked::Source, None, None));
    assert!(report.because.unwrap().starts_with("the source still holds what is newer than snapshot 2"));
    assert!(report.tables.iter().all(|table| table.of_version == 1 && table.from.contains("/lake/")));
    assert_eq!(shown(&lab, "an-hour"), states[1]);
    // a moment that is still to come is the present
    let report = back(&call, -60, &[], &elsewhere("now")).await;
    assert!(report.as_of < Utc::now());
    assert_eq!(shown(&lab, "now"), states[2]);
    // between the snapshot and the next commit they show the same
    let report = back(&call, 120, &[], &elsewhere("two-hours")).await;
    assert_eq!((report.picked, report.snapshot.is_some()), (Picked::Snapshot, true));
    assert!(report.because.unwrap().starts_with("nothing was committed to its source"));
    assert_eq!(shown(&lab, "two-hours"), states[0]);
    // before all snapshots there is the source alone
    let report = back(&call, 170, &[], &elsewhere("before")).await;
    assert_eq!((report.picked, shown(&lab, "before")), (Picked::Source, states[0].clone()));
    assert!(report.because.unwrap().starts_with("there is no snapshot of"));
    let none = call.restore(&Which::AtOrBefore(ago(200)), &[], &elsewhere("none")).await;
    let error = chain(&none.unwrap_err());
    assert!(
        error.contains("nor can its source be had of then") && error.contains("does not go back"),
        "{error}"
    );
}

#[tokio::test]
async fn a_table_goes_back_to_a_version_of_its_own() {
    let (lab, states) = three_versions().await;
    let call = lab.call(TimeDelta::zero());
    let refused = call.restore(&Which::AtOrBefore(ago(60)), &[], &in_place(false)).await;
    let error = chain(&refused.unwrap_err());
    assert!(error.contains("version 2 of cat.s.grows; version 2 of cat.s.whole"), "{error}");
    let moment = Which::AtOrBefore(ago(60));
    let report = call.restore(&moment, &[], &in_place(true)).await.unwrap();
    assert_eq!(report.picked, Picked::Source);
    for table in &report.tables {
        assert_eq!((table.version_before, table.version, table.files_copied), (Some(2), 3, 0));
        assert_eq!(table.url, table.from);
    }
    assert_eq!(lab.source(), states[1]);
    assert_eq!(rows(&lab.table("cat.s.whole"), Some(2)), states[2]["cat.s.whole"], "history is kept");
    // run again there is nothing to do, though the commit of the restore is newer than the moment
    let again = call.restore(&moment, &[], &in_place(true)).await.unwrap();
    assert!(again.tables.iter().all(|table| table.version == 3));
}

#[tokio::test]
async fn a_partition_goes_back_within_its_table() {
    let (lab, states) = three_versions().await;
    let call = lab.call(TimeDelta::zero());
    let some = (&["cat.s.whole"][..], &["p=1"][..]);
    let report = call.restore_some(&Which::AtOrBefore(ago(60)), some, &in_place(true)).await.unwrap();
    assert_eq!((report.picked, report.tables[0].files_copied), (Picked::Source, 0));
    let both = states[1]["cat.s.whole"].union(&states[2]["cat.s.whole"]).cloned().collect();
    assert_eq!(lab.source()["cat.s.whole"], both);
}

/// All tables come from one place, or the state would be none that ever was.
#[tokio::test]
async fn a_source_that_has_lost_something_is_not_used() {
    let (lab, states) = three_versions().await;
    let call = lab.call(TimeDelta::zero());
    let vacuumed = live(&lab.table("cat.s.whole"), Some(1)).into_iter().next().unwrap();
    std::fs::remove_file(lab.table("cat.s.whole").join(vacuumed)).unwrap();
    let to = Where::Elsewhere(lab.url("back").parse().unwrap());
    let report = back(&call, 60, &[], &to).await;
    assert_eq!(report.picked, Picked::Snapshot);
    let warning = report.warning.unwrap();
    assert!(
        warning.contains("version 1 cannot be read any more") && warning.contains("is missing"),
        "{warning}"
    );
    assert_eq!(shown(&lab, "back"), states[0]);
    // the table that has lost nothing can be had by its name
    let to = Where::Elsewhere(lab.url("one").parse().unwrap());
    assert_eq!(back(&call, 60, &["cat.s.grows"], &to).await.picked, Picked::Source);
    std::fs::rename(lab.root().join("lake"), lab.root().join("lost")).unwrap();
    let to = Where::Elsewhere(lab.url("all").parse().unwrap());
    let report = back(&call, 60, &[], &to).await;
    assert!(report.warning.unwrap().contains("what was committed between that and"));
    assert_eq!(shown(&lab, "all"), states[0]);
}
