//! Bringing snapshots back.

use lakedr::error::chain;
use lakedr::snapshots::{Where, Which};
use serde_json::json;

use crate::lab::{Lab, State, TABLES, live, rows};

async fn three_weeks() -> (Lab, Vec<(Which, State)>) {
    let lab = Lab::new(json!({}));
    let mut taken = Vec::new();
    for week in 0..3 {
        lab.week(week);
        let document = lab.in_week(week).taken().await;
        taken.push((Which::Id(document.id), lab.source()));
    }
    (lab, taken)
}

#[tokio::test]
async fn elsewhere_as_tables_of_their_own_and_once() {
    let (lab, taken) = three_weeks().await;
    for (at, (which, shown)) in taken.iter().enumerate() {
        let to = Where::Elsewhere(lab.url(&format!("back/{at}")).parse().unwrap());
        let report = lab.in_week(3).restore(which, &[], &to).await.unwrap();
        assert_eq!(report.tables.len(), 2);
        let table = |name: &str| lab.root().join(format!("back/{at}")).join(name.replace('.', "/"));
        let back: State = TABLES.map(|name| (name, rows(&table(name), None))).into();
        assert_eq!(back, *shown);
        // a second time it is there already
        let again = lab.in_week(3).restore(which, &[], &to).await.unwrap();
        assert!(again.tables.iter().all(|table| table.files_copied == 0 && table.version == 0));
    }
    let to = Where::Elsewhere(lab.url("back/0").parse().unwrap());
    let error = chain(&lab.in_week(3).restore(&taken[1].0, &[], &to).await.unwrap_err());
    assert!(error.contains("there is a table at"), "{error}");
    let error = chain(&lab.in_week(3).restore(&taken[1].0, &["cat.s.other"], &to).await.unwrap_err());
    assert!(error.contains("it holds cat.s.grows, cat.s.whole"), "{error}");
}

/// C4.8: one table alone comes back, in place, with its history.
#[tokio::test]
async fn c4_08_one_table_comes_back_in_place_and_its_history_stays() {
    let (lab, taken) = three_weeks().await;
    // an instant of the lab's snapshots is later than any commit: the version that was copied counts, and no clock
    let (which, shown) = &taken[0];
    let before = lab.source();
    let refused = lab.in_week(5).restore(which, &["cat.s.grows"], &in_place(false)).await;
    let error = chain(&refused.unwrap_err());
    assert!(error.contains("restoring undoes versions 1 to 2 of cat.s.grows; give --yes"), "{error}");
    assert_eq!(lab.source(), before);
    let report = lab.in_week(5).restore(which, &["cat.s.grows"], &in_place(true)).await.unwrap();
    assert_eq!(report.tables.len(), 1);
    assert_eq!((report.tables[0].version_before, report.tables[0].version), (Some(2), 3));
    assert_eq!(report.tables[0].undone.as_ref().unwrap().to_string(), "versions 1 to 2 of cat.s.grows");
    let after = lab.source();
    assert_eq!(after["cat.s.grows"], shown["cat.s.grows"]);
    assert_eq!(after["cat.s.whole"], before["cat.s.whole"]);
    // history is kept
    assert_eq!(rows(&lab.table("cat.s.grows"), Some(2)), before["cat.s.grows"]);
}

#[tokio::test]
async fn a_lost_table_comes_back_and_a_moment_picks_the_snapshot_before_it() {
    let (lab, taken) = three_weeks().await;
    std::fs::remove_dir_all(lab.table("cat.s.whole")).unwrap();
    let list = lab.in_week(3).list().await;
    let at = list.snapshots[1].kept.as_of + chrono::TimeDelta::days(1);
    let (which, to) = (Which::AtOrBefore(at), in_place(false));
    let report = lab.in_week(3).restore(&which, &["cat.s.whole"], &to).await.unwrap();
    assert_eq!(report.snapshot.as_ref(), Some(&list.snapshots[1].kept.id));
    assert!(report.warning.unwrap().contains("there is no Delta table at"));
    assert_eq!(lab.source()["cat.s.whole"], taken[1].1["cat.s.whole"]);
    assert_eq!(live(&lab.table("cat.s.whole"), None).len(), 1);
    // what this restore has done itself is nothing that it would undo, though it came behind the snapshot
    let newer = std::time::SystemTime::now() + std::time::Duration::from_secs(4 * 7 * 86_400);
    let made = lab.table("cat.s.whole").join("_delta_log/00000000000000000000.json");
    std::fs::File::options().write(true).open(made).unwrap().set_modified(newer).unwrap();
    let which = Which::Id(list.snapshots[1].kept.id.clone());
    let again = lab.in_week(3).restore(&which, &["cat.s.whole"], &to).await.unwrap();
    assert_eq!((again.tables[0].version, &again.tables[0].undone), (0, &None));
    let other = Which::Id(list.snapshots[0].kept.id.clone());
    let refused = lab.in_week(3).restore(&other, &["cat.s.whole"], &to).await;
    let error = chain(&refused.unwrap_err());
    assert!(error.contains("all versions up to 0 of cat.s.whole"), "{error}");
    let early = list.snapshots[0].kept.as_of - chrono::TimeDelta::days(1);
    let none = lab.in_week(3).restore(&Which::AtOrBefore(early), &[], &in_place(false)).await;
    let error = chain(&none.unwrap_err());
    assert!(error.contains("has no snapshot of") && error.contains("the oldest one shows"), "{error}");
}

pub(crate) fn in_place(yes: bool) -> Where {
    Where::InPlace { yes }
}

#[tokio::test]
async fn a_chosen_partition_comes_back_and_the_others_stay() {
    let (lab, taken) = three_weeks().await;
    let before = live(&lab.table("cat.s.whole"), None);
    assert_eq!(before, [file("cat.s.whole", 2)].into());
    // week 0 is in partition 0, which the newest version has nothing in
    let call = lab.in_week(3);
    let back =
        async |of: &str| call.restore_some(&taken[0].0, (&["cat.s.whole"], &[of]), &in_place(true)).await;
    let report = back("P=0").await.unwrap();
    assert_eq!((report.tables[0].files_copied, report.tables[0].version), (1, 3));
    let after = live(&lab.table("cat.s.whole"), None);
    assert_eq!(after, [file("cat.s.whole", 0), file("cat.s.whole", 2)].into());
    // a second time there is nothing to do
    assert_eq!(back("p=0").await.unwrap().tables[0].version, 3);
    // what neither side has is misspelt
    let error = chain(&back("p=7").await.unwrap_err());
    assert!(
        error.contains("there is no partition p=7 of cat.s.whole") && error.contains("p=2; p=0"),
        "{error}"
    );
    // what comes back has nothing in partition 2, which goes; a second time it is gone
    for _ in 0..2 {
        assert_eq!(back("p=2").await.unwrap().tables[0].version, 4);
        assert_eq!(live(&lab.table("cat.s.whole"), None), [file("cat.s.whole", 0)].into());
    }
    let error = chain(&back("q=0").await.unwrap_err());
    assert!(error.contains("is not partitioned by q; its partition columns are p"), "{error}");
}

/// For a look at what a partition was, and where the table has another schema by now.
#[tokio::test]
async fn chosen_partitions_alone_are_a_table_elsewhere() {
    let (lab, taken) = three_weeks().await;
    let to = Where::Elsewhere(lab.url("back").parse().unwrap());
    let back = lab.root().join("back/cat/s/grows");
    let call = lab.in_week(3);
    let some = async |of: &[&str]| call.restore_some(&taken[2].0, (&["cat.s.grows"], of), &to).await.unwrap();
    let report = some(&["p=1"]).await;
    assert_eq!((report.tables[0].files_copied, report.tables[0].version), (1, 0));
    assert_eq!(live(&back, None), [file("cat.s.grows", 1)].into());
    assert_eq!(rows(&back, None).len(), 1);
    assert!(!back.join(file("cat.s.grows", 0)).exists(), "more than was asked for");
    assert_eq!(some(&["p=1"]).await.tables[0].version, 0);
    // another partition joins it, and in the end all of the table
    some(&["p=2", "p=1"]).await;
    assert_eq!(live(&back, None), [file("cat.s.grows", 1), file("cat.s.grows", 2)].into());
    some(&[]).await;
    assert_eq!(rows(&back, None), taken[2].1["cat.s.grows"]);
    // partitions of another snapshot do not mix with them
    let mixed = call.restore_some(&taken[0].0, (&["cat.s.grows"], &["p=0"]), &to).await;
    assert!(chain(&mixed.unwrap_err()).contains("there is a table at"));
}

fn file(table: &str, week: u64) -> String {
    format!("part-{week:03}-{table}.parquet")
}
