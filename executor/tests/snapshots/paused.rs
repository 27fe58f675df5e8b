//! Calls that are paused for longer than anybody waits, at the worst moments, and come back.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use lakedr::snapshots::{self, Desk, PruneReport};
use lakedr_control::snapshots::{CatalogStore, PruningMarks, SnapshotDocument};
use lakedr_control::store::{DocStore, DocStoreRef, Listed, Object, StoreError, Tag, Written};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::lab::{Call, Lab, live, rows, told};
use crate::tree;

const WHOLE: &str = "cat.s.whole";

/// Two weekly snapshots, of which one stays. Then the table that is overwritten every week goes back to its first version:
/// to a file that the first snapshot alone needs.
async fn two_weeks(schedule: Value) -> Lab {
    let mut spec = json!({"retention": {"keep_last": 1}});
    spec.as_object_mut().unwrap().extend(schedule.as_object().unwrap().clone());
    let lab = Lab::new(spec);
    for week in 0..2 {
        lab.week(week);
        lab.in_week(week).taken().await;
    }
    let file = |week: u64| format!("part-{week:03}-{WHOLE}.parquet");
    let size = std::fs::metadata(lab.table(WHOLE).join(file(0))).unwrap().len();
    let remove = json!({"remove": {"path": file(1), "deletionTimestamp": 0, "dataChange": true}});
    let add = json!({"add": {"path": file(0), "partitionValues": {"p": "0"}, "size": size,
        "modificationTime": 0, "dataChange": true}});
    lab.commit(WHOLE, 2, &format!("{remove}\n{add}\n"));
    lab
}

fn marks_of(lab: &Lab, call: &Call) -> PathBuf {
    lab.kept().join(format!("copies/weekly/meta/prunings/{}.json", call.world.author.run))
}

/// The documents of a schedule, as a call sees them that is paused once it has said what it will delete.
#[derive(Debug)]
struct Pausing {
    inner: DocStoreRef,
    has_marked: Semaphore,
    may_go_on: Semaphore,
}

#[async_trait]
impl DocStore for Pausing {
    fn url(&self) -> &str {
        self.inner.url()
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.inner.read(key).await
    }

    async fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Listed>, StoreError> {
        self.inner.list_after(folder, after).await
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Written, StoreError> {
        let written = self.inner.create(key, bytes).await;
        if key.contains("/prunings/") {
            self.has_marked.add_permits(1);
            let _ = self.may_go_on.acquire().await;
        }
        written
    }

    async fn replace(&self, key: &str, bytes: &[u8], tag: &Tag) -> Result<Written, StoreError> {
        self.inner.replace(key, bytes, tag).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }
}

/// The desk of a call that will be paused.
async fn desk_of(call: &Call) -> (Desk<'_>, Arc<Pausing>) {
    let mut desk = call.desk().await;
    let (has_marked, may_go_on) = (Semaphore::new(0), Semaphore::new(0));
    let pausing = Arc::new(Pausing { inner: desk.stores.documents(), has_marked, may_go_on });
    desk.catalog =
        CatalogStore::new(desk.schedule.name.clone(), pausing.clone(), desk.schedule.prefix.clone());
    (desk, pausing)
}

/// Goes on with a pruning until it has said what it deletes, which is before it deletes anything.
async fn until_marked(
    lab: &Lab,
    call: &Call,
    (pausing, pruning): (
        &Pausing,
        std::pin::Pin<&mut (impl Future<Output = Result<PruneReport, lakedr::pipeline::Stop>> + ?Sized)>,
    ),
) -> PruningMarks {
    tokio::select! {
        marked = pausing.has_marked.acquire() => drop(marked),
        ended = pruning => panic!("{:?}", ended.map_err(|stop| told(&stop)).map(|report| report.deleted)),
    }
    PruningMarks::decode("k", &std::fs::read(marks_of(lab, call)).unwrap()).unwrap()
}

/// What the requests do that were sent right before the pause.
fn delete_late(lab: &Lab, marks: &PruningMarks) {
    assert!(!marks.objects.is_empty());
    for key in &marks.objects {
        let _ = std::fs::remove_file(lab.data().join(key));
    }
}

fn path<'a>(document: &'a SnapshotDocument, table: &str) -> &'a str {
    &document.table(&table.parse().unwrap()).unwrap().path
}

#[tokio::test]
async fn a_pruner_that_deletes_late_takes_nothing_from_a_snapshot() {
    let lab = two_weeks(json!({})).await;
    let paused = lab.in_week(1);
    let (desk, pausing) = desk_of(&paused).await;
    let mut pruning = Box::pin(snapshots::prune(&desk, false));
    let marks = until_marked(&lab, &paused, (&pausing, pruning.as_mut())).await;
    let reused = format!("cat/s/whole/part-000-{WHOLE}.parquet");
    assert!(marks.objects.contains(&reused), "{marks:?}");

    let call = lab.in_week(2);
    let document = call.taken().await;
    delete_late(&lab, &marks);
    assert_eq!(lab.shown(&document), lab.source());
    assert!(call.holds(&document.id).await);
    // only the copy that would have needed such a file begins anew, and the next snapshot goes on in its folder
    assert_eq!(path(&document, WHOLE), format!("{}/cat/s/whole", document.id));
    assert_eq!(path(&document, "cat.s.grows"), "cat/s/grows");
    let next = lab.in_week(3).taken().await;
    assert_eq!(path(&next, WHOLE), path(&document, WHOLE));
    assert_eq!(next.tables.iter().map(|table| table.bytes_added).sum::<u64>(), 0);
    // the old folder goes with its last snapshot, and what was marked is remembered as long as nobody has heard of the call
    let call = lab.in_week(3);
    call.prune(false).await;
    assert!(!lab.data().join("cat/s/whole").join("_delta_log/00000000000000000000.json").exists());
    assert!(marks_of(&lab, &paused).exists() && !marks_of(&lab, &call).exists());
    assert!(call.holds(&next.id).await);
    assert_eq!(lab.shown(&next), lab.source());
}

#[tokio::test]
async fn a_pruner_that_comes_back_deletes_nothing_and_is_forgotten() {
    let lab = two_weeks(json!({})).await;
    let paused = lab.in_week(1);
    let (desk, pausing) = desk_of(&paused).await;
    let mut pruning = Box::pin(snapshots::prune(&desk, false));
    until_marked(&lab, &paused, (&pausing, pruning.as_mut())).await;
    let call = lab.in_week(2);
    let document = call.taken().await;
    assert_eq!(call.desk().await.catalog.read().await.unwrap().given_up.len(), 1);

    let before = tree::read(&lab.data());
    pausing.may_go_on.add_permits(1);
    let Err(stop) = pruning.await else { panic!("it went on") };
    assert!(told(&stop).contains("was given up meanwhile"), "{}", told(&stop));
    assert_eq!(tree::changes(&before, &tree::read(&lab.data())), [].into());
    let catalog = desk.catalog.read().await.unwrap();
    assert_eq!((catalog.given_up.len(), &catalog.newest().unwrap().id), (0, &document.id));
    assert!(!marks_of(&lab, &paused).exists() && call.holds(&document.id).await);
}

/// A batch copy has a folder of its own in any case.
#[tokio::test]
async fn a_pruner_that_deletes_late_does_not_reach_a_complete_copy() {
    let lab = two_weeks(json!({"mode": "batch"})).await;
    let paused = lab.in_week(1);
    let (desk, pausing) = desk_of(&paused).await;
    let mut pruning = Box::pin(snapshots::prune(&desk, false));
    let marks = until_marked(&lab, &paused, (&pausing, pruning.as_mut())).await;
    let call = lab.in_week(2);
    let document = call.taken().await;
    delete_late(&lab, &marks);
    assert!(call.holds(&document.id).await);
    assert_eq!(lab.shown(&document), lab.source());
}

/// A call that was taken for dead commits late: a pruning has not seen that commit, and has deleted what it names.
#[tokio::test]
async fn a_commit_that_came_too_late_is_not_relied_on() {
    let lab = Lab::new(json!({}));
    for week in 0..2 {
        lab.week(week);
        lab.in_week(week).taken().await;
    }
    let before = lab.read();
    lab.week(2);
    lab.in_week(2).taken().await;
    let mut state = lab.read();
    let is_new_data = |key: &str| key.contains("/data/") && !key.contains("/_delta_log/");
    state.retain(|key, _| before.contains_key(key) || !(is_new_data(key) || key.contains("/meta/catalog/")));
    tree::restore(&lab.kept(), &state);
    let copy = lab.data().join("cat/s/whole");
    let newest = live(&copy, None);
    assert!(newest.iter().all(|file| !copy.join(file).exists()), "{newest:?}");

    let call = lab.call(TimeDelta::weeks(2) + TimeDelta::minutes(6));
    let document = call.taken().await;
    assert!(call.holds(&document.id).await);
    assert_eq!(lab.shown(&document), lab.source());
    assert_eq!(path(&document, WHOLE), format!("{}/cat/s/whole", document.id));
    for id in call.ids().await {
        assert!(call.holds(&id).await, "{id}");
    }
    assert_eq!(rows(&lab.data().join(path(&document, WHOLE)), None).len(), 1);
}
