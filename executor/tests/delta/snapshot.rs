//! A snapshot streams what a replay of all commits in memory holds, whatever the log is made of.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use lakedr::delta::action::{ActionKind, actions, line};
use lakedr::delta::checkpoint::read::Columns;
use lakedr::delta::json::RawObject;
use lakedr::delta::replay::Replay;
use lakedr::delta::state::{AddFile, FileKey, TableState};
use lakedr::observe::snapshot::Snapshot;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::log_lab::{Form, LogLab};

/// Paths that need care; the last ones are two names of one file.
const PATHS: [&str; 7] = ["a", "a%20b", "p=%2525/x", "p=ü/x+y", "z", "/abs/p%20q", "file:/abs/p q"];
const EXTRAS: [&str; 4] = [
    r#","stats":"{\"numRecords\":3,\"minValues\":{\"s\":\"a\\\"b\"}}""#,
    r#","tags":{"k":"v","n":null}"#,
    r#","baseRowId":9007199254740993,"defaultRowCommitVersion":2"#,
    r#","clusteringProvider":"liquid","modificationTime":17"#,
];

/// One action on a file: which path, with which vector, added or removed, with which extras.
type FileAction = (usize, Option<u8>, bool, usize);

/// What one commit says beside its files.
#[derive(Debug, Clone)]
struct Commit {
    files: Vec<FileAction>,
    txn: Option<(&'static str, i64)>,
    domain: Option<(&'static str, bool)>,
    property: Option<u8>,
}

/// A history, the checkpoints that were taken of it, and how much of its beginning is gone.
#[derive(Debug, Clone)]
struct History {
    commits: Vec<Commit>,
    checkpoints: BTreeMap<u64, Form>,
    trimmed: bool,
    asked: u64,
}

fn commit() -> impl Strategy<Value = Commit> {
    let file = (0..PATHS.len(), proptest::option::of(0_u8..2), any::<bool>(), 0..EXTRAS.len());
    let txn = (select(&["s", "t"][..]), 0_i64..3);
    let domain = (select(&["d", "e"][..]), any::<bool>());
    let others = (proptest::option::of(txn), proptest::option::of(domain), proptest::option::of(0_u8..3));
    (vec(file, 0..6), others).prop_map(|(files, (txn, domain, property))| Commit {
        files,
        txn,
        domain,
        property,
    })
}

fn form() -> impl Strategy<Value = Form> {
    let uuid = (any::<bool>(), 0_usize..4).prop_map(|(json, sidecars)| Form::Uuid { json, sidecars });
    prop_oneof![Just(Form::Classic), (2_usize..5).prop_map(Form::Parts), uuid]
}

fn history() -> impl Strategy<Value = History> {
    vec(commit(), 1..9).prop_flat_map(|commits| {
        let versions = 0..commits.len() as u64;
        let checkpoints = proptest::collection::btree_map(versions.clone(), form(), 0..3);
        (Just(commits), checkpoints, any::<bool>(), versions).prop_map(
            |(commits, checkpoints, trimmed, asked)| History { commits, checkpoints, trimmed, asked },
        )
    })
}

fn metadata(property: u8) -> String {
    format!(
        r#"{{"metaData":{{"id":"t","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{{}}","partitionColumns":[],"configuration":{{"k":"{property}"}}}}}}"#
    )
}

/// The lines of a commit. A path appears once, as the protocol asks.
fn lines(version: usize, commit: &Commit) -> Vec<String> {
    let mut lines = vec![format!(r#"{{"commitInfo":{{"inCommitTimestamp":{}}}}}"#, 1_000 + version)];
    if version == 0 {
        lines.push(r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#.to_owned());
        lines.push(metadata(9));
    }
    lines.extend(commit.property.map(metadata));
    lines.extend(
        commit.txn.map(|(app, version)| format!(r#"{{"txn":{{"appId":"{app}","version":{version}}}}}"#)),
    );
    lines.extend(commit.domain.map(|(domain, removed)| {
        format!(
            r#"{{"domainMetadata":{{"domain":"{domain}","configuration":"{version}","removed":{removed}}}}}"#
        )
    }));
    let mut paths = BTreeSet::new();
    for (path, vector, is_add, extra) in &commit.files {
        let key = FileKey::new(PATHS[*path], None);
        if paths.insert(key) {
            lines.push(file_line(PATHS[*path], *vector, *is_add, EXTRAS[*extra], version));
        }
    }
    lines
}

fn file_line(path: &str, vector: Option<u8>, is_add: bool, extra: &str, version: usize) -> String {
    let vector = vector.map_or(String::new(), |number| {
        let offset = if number == 0 { "" } else { r#""offset":1,"# };
        format!(
            r#","deletionVector":{{"storageType":"u","pathOrInlineDv":"v",{offset}"sizeInBytes":4,"cardinality":1}}"#
        )
    });
    if is_add {
        format!(
            r#"{{"add":{{"path":"{path}","partitionValues":{{"p":null}},"size":{version},"dataChange":true{extra}{vector}}}}}"#
        )
    } else {
        format!(
            r#"{{"remove":{{"path":"{path}","deletionTimestamp":{version},"dataChange":false{vector}}}}}"#
        )
    }
}

/// The replay of commits in memory: the rule itself.
fn replay(commits: &[Vec<String>]) -> TableState {
    let mut replay = Replay::new();
    for commit in commits {
        replay.begin_commit();
        for action in actions(commit.join("\n").as_bytes()) {
            replay.apply(action.unwrap()).unwrap();
        }
    }
    replay.finish("memory:///t", commits.len() as u64 - 1).unwrap()
}

/// The actions that a checkpoint of a state holds.
fn checkpoint(state: &TableState) -> Vec<String> {
    let head = &state.head;
    let mut lines = Vec::new();
    let mut push = |kind: ActionKind, raw: &RawObject| lines.push(line(&kind, raw));
    state.files.values().for_each(|file| push(ActionKind::Add, &file.raw));
    push(ActionKind::Metadata, &head.metadata.raw);
    state.tombstones.values().for_each(|file| push(ActionKind::Remove, &file.raw));
    head.txns.values().for_each(|txn| push(ActionKind::Txn, &txn.raw));
    push(ActionKind::Protocol, &head.protocol.raw);
    head.domains.values().for_each(|domain| push(ActionKind::DomainMetadata, &domain.raw));
    lines
}

async fn written(history: &History, commits: &[Vec<String>]) -> LogLab {
    let lab = LogLab::at("memory:///t");
    let start = history.checkpoints.range(..=history.asked).next_back().map(|(version, _)| *version);
    let first = if history.trimmed { start.unwrap_or(0) } else { 0 };
    for (version, lines) in (0..).zip(commits).filter(|(version, _)| *version >= first) {
        lab.commit(version, lines).await;
    }
    for (version, form) in history.checkpoints.range(first..) {
        let state = replay(&commits[..=usize::try_from(*version).unwrap()]);
        lab.checkpoint(*version, *form, &checkpoint(&state)).await;
    }
    lab
}

/// A text as a value, with absent and null members the same: columns do not tell them apart.
fn value(raw: &RawObject) -> Value {
    let mut value: Value = serde_json::from_str(raw.text()).unwrap();
    value.as_object_mut().unwrap().retain(|_, member| !member.is_null());
    value
}

/// A state as a value.
fn shown(state: &TableState) -> Vec<(String, Value)> {
    let head = &state.head;
    let add = |(key, file): (&FileKey, &AddFile)| {
        assert_eq!(FileKey::of(&file.raw.fields()).unwrap(), *key);
        (format!("add {key:?} {} {}", file.size, file.stats_synthesised), value(&file.raw))
    };
    let mut shown: Vec<(String, Value)> = state.files.iter().map(add).collect();
    shown.extend(
        state
            .tombstones
            .iter()
            .map(|(key, file)| (format!("remove {key:?} {:?}", file.deletion_timestamp), value(&file.raw))),
    );
    shown.extend(head.txns.iter().map(|(app, txn)| (format!("txn {app} {}", txn.version), value(&txn.raw))));
    shown.extend(head.domains.iter().map(|(name, domain)| (format!("domain {name}"), value(&domain.raw))));
    shown.push(("protocol".to_owned(), value(&head.protocol.raw)));
    shown.push(("metadata".to_owned(), value(&head.metadata.raw)));
    shown.push((format!("version {} {:?}", head.version, head.in_commit_timestamp), Value::Null));
    shown
}

async fn check(history: &History) {
    let commits: Vec<Vec<String>> =
        history.commits.iter().enumerate().map(|(version, commit)| lines(version, commit)).collect();
    let expected = replay(&commits[..=usize::try_from(history.asked).unwrap()]);
    let lab = written(history, &commits).await;
    let listing = lab.listing().await;
    let snapshot = lab.table().snapshot(&listing, Some(history.asked)).await.unwrap();

    let collected = snapshot.collect().await.unwrap();
    assert_eq!(shown(&collected), shown(&expected));
    streamed_once(&snapshot, &expected).await;
    let state = lab.table().state(&listing, Some(history.asked)).await.unwrap();
    assert_eq!(shown(&TableState { tombstones: expected.tombstones.clone(), ..state }), shown(&expected));
}

/// Each file and each tombstone comes exactly once, with what identifies it.
async fn streamed_once(snapshot: &Snapshot, expected: &TableState) {
    let files: Vec<(FileKey, AddFile)> = snapshot.files(Columns::Identity).try_collect().await.unwrap();
    let mut keys: Vec<(FileKey, u64)> = Vec::new();
    for (key, file) in files {
        let (again, parsed) = AddFile::parse(file.raw).unwrap();
        assert_eq!((&again, parsed.size), (&key, file.size));
        keys.push((key, file.size));
    }
    keys.sort();
    let sizes: Vec<(FileKey, u64)> =
        expected.files.iter().map(|(key, file)| (key.clone(), file.size)).collect();
    assert_eq!(keys, sizes);
    let tombstones: Vec<_> = snapshot.tombstones().try_collect().await.unwrap();
    let mut keys: Vec<FileKey> = tombstones.into_iter().map(|(key, _)| key).collect();
    keys.sort();
    assert_eq!(keys, expected.tombstones.keys().cloned().collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn streamed_is_collected_is_replayed(history in history()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(&history));
    }
}
