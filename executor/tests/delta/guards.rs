//! Logs from which a version cannot be rebuilt, or only in another way than the newest checkpoint suggests: all of
//! it is found when a snapshot is opened.

use futures::TryStreamExt;
use lakedr::delta::checkpoint::read::Columns;
use lakedr::observe::snapshot::Snapshot;
use lakedr::observe::table_error::TableError;

use crate::clone::chain;
use crate::log_lab::{Form, LogLab};

const URL: &str = "memory:///t";
const HEAD: [&str; 2] = [
    r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
    r#"{"metaData":{"id":"t","format":{"provider":"parquet"},"schemaString":"{}","partitionColumns":[]}}"#,
];

fn add(version: u64) -> String {
    format!(r#"{{"add":{{"path":"f{version}","partitionValues":{{}},"size":1,"dataChange":true}}}}"#)
}

/// Everything up to a version: what a checkpoint of it holds.
fn state(version: u64) -> Vec<String> {
    HEAD.iter().map(|line| (*line).to_owned()).chain((0..=version).map(add)).collect()
}

/// A log of commits 0 to `last`, each with one file.
async fn lab(last: u64) -> LogLab {
    let lab = LogLab::at(URL);
    lab.commit(0, &state(0)).await;
    for version in 1..=last {
        lab.commit(version, &[add(version)]).await;
    }
    lab
}

async fn opened(lab: &LogLab, version: Option<u64>) -> Result<Snapshot, TableError> {
    lab.table().snapshot(&lab.listing().await, version).await
}

/// Opens the latest version, which must hold all files from 0 on.
async fn assert_complete(lab: &LogLab, last: u64) {
    let snapshot = opened(lab, None).await.unwrap();
    assert_eq!(snapshot.head.version, last);
    let mut files: Vec<String> = snapshot
        .files(Columns::Identity)
        .map_ok(|(key, _)| key.path.to_string())
        .try_collect()
        .await
        .unwrap();
    files.sort();
    assert_eq!(files, (0..=last).map(|version| format!("f{version}")).collect::<Vec<_>>());
}

async fn refused(lab: &LogLab, version: Option<u64>) -> String {
    let error = opened(lab, version).await.unwrap_err();
    assert!(!error.retryable(), "{error}");
    chain(&error)
}

#[tokio::test]
async fn a_log_that_starts_in_the_middle() {
    let lab = lab(5).await;
    for version in 0..3 {
        lab.delete(&format!("{version:020}.json")).await;
    }
    lab.commit(3, &state(3)).await;
    assert_eq!(
        refused(&lab, None).await,
        "the log of table memory:///t is damaged: the log starts at version 3 and has no complete checkpoint; \
         restore the missing files of the log"
    );
    lab.checkpoint(3, Form::Classic, &state(3)).await;
    assert_complete(&lab, 5).await;
}

#[tokio::test]
async fn a_missing_part_with_and_without_a_hint() {
    let lab = lab(4).await;
    lab.checkpoint(3, Form::Parts(2), &state(3)).await;
    assert_complete(&lab, 4).await;
    lab.delete("00000000000000000003.checkpoint.0000000002.0000000002.parquet").await;
    for hint in [false, true] {
        if hint {
            lab.put("_last_checkpoint", r#"{"version":3,"size":6,"parts":2}"#).await;
        }
        assert_complete(&lab, 4).await;
    }
    lab.delete("00000000000000000000.json").await;
    assert_eq!(
        refused(&lab, None).await,
        "the log of table memory:///t is damaged: the log starts at version 1 and has no complete checkpoint \
         (files of the checkpoint at version 3 are missing); restore the missing files of the log"
    );
}

#[tokio::test]
async fn a_gap() {
    let lab = lab(5).await;
    lab.checkpoint(2, Form::Classic, &state(2)).await;
    lab.delete("00000000000000000004.json").await;
    assert_eq!(
        refused(&lab, None).await,
        "the log of table memory:///t is damaged: commit 4 is missing between versions 3 and 5; restore the \
         missing files of the log"
    );
    assert_eq!(opened(&lab, Some(3)).await.unwrap().head.version, 3);
    lab.checkpoint(5, Form::Classic, &state(5)).await;
    assert_complete(&lab, 5).await;
}

#[tokio::test]
async fn a_lost_sidecar() {
    for json in [false, true] {
        let lab = lab(4).await;
        lab.checkpoint(3, Form::Uuid { json, sidecars: 2 }, &state(3)).await;
        let sidecar = lab.names().await.into_iter().find(|name| name.starts_with("_sidecars/")).unwrap();
        let before = opened(&lab, None).await.unwrap();
        lab.delete(&sidecar).await;
        // A snapshot that was opened before does not pass over it.
        let vanished = before.files(Columns::All).try_collect::<Vec<_>>().await.unwrap_err();
        assert!(matches!(&vanished, TableError::Vanished { .. }) && vanished.retryable(), "{vanished}");
        // The commits are all there, so that the checkpoint is not needed.
        assert_complete(&lab, 4).await;
        lab.delete("00000000000000000000.json").await;
        assert_eq!(
            refused(&lab, None).await,
            format!(
                "the log of table memory:///t is damaged: `t/_delta_log/{sidecar}`, a file of the only usable \
                 checkpoint, is missing; restore it"
            )
        );
    }
}

#[tokio::test]
async fn a_sidecar_that_was_cut_short() {
    let lab = lab(4).await;
    lab.checkpoint(3, Form::Uuid { json: true, sidecars: 1 }, &state(3)).await;
    let sidecar = lab.names().await.into_iter().find(|name| name.starts_with("_sidecars/")).unwrap();
    lab.put(&sidecar, "PAR1").await;
    let refused = refused(&lab, None).await;
    assert!(refused.contains(&format!("`t/_delta_log/{sidecar}` has 4 bytes, and not ")), "{refused}");
}

#[tokio::test]
async fn expired_and_future_versions() {
    let lab = lab(5).await;
    lab.checkpoint(3, Form::Classic, &state(3)).await;
    for version in 0..3 {
        lab.delete(&format!("{version:020}.json")).await;
    }
    assert_eq!(
        refused(&lab, Some(2)).await,
        "version 2 of table memory:///t has expired from its log; versions 3 to 5 can be rebuilt; raise \
         `delta.logRetentionDuration` to keep more"
    );
    assert_eq!(refused(&lab, Some(6)).await, "table memory:///t has no version 6 yet, its latest is 5");
    assert_complete(&lab, 5).await;
}

#[tokio::test]
async fn a_damaged_json_checkpoint_is_named_by_its_line() {
    let lab = LogLab::at(URL);
    let mut lines = state(1);
    lines.push("{\"add\":".to_owned());
    lab.checkpoint(1, Form::Uuid { json: true, sidecars: 0 }, &lines).await;
    let refused = refused(&lab, None).await;
    assert!(refused.contains("line 3 is not a delta action"), "{refused}");
}
