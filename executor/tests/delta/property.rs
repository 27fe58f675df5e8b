//! Whatever two states are: the commit makes the target equal, keeps the rules of a commit, and is the last.

use std::collections::BTreeSet;

use bytes::Bytes;
use lakedr::delta::action::{Action, actions};
use lakedr::delta::checkpoint::read::rows;
use lakedr::delta::checkpoint::write::CheckpointEncoder;
use lakedr::delta::checkpoint::write_columns::AddColumns;
use lakedr::delta::compare::differences;
use lakedr::delta::json::RawObject;
use lakedr::delta::replay::Replay;
use lakedr::delta::state::{FileKey, TableState};
use lakedr::plan::diff::TableDiff;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::clone::{NOW_MS, context};

/// A live file: names that need care, and everything an add may carry.
#[derive(Debug, Clone)]
struct File {
    vector: Option<u8>,
    extras: Vec<&'static str>,
}

/// Fields beyond the protocol, of the actions of the head.
#[derive(Debug, Clone, Default)]
struct Later {
    metadata: Vec<&'static str>,
    txn: Vec<&'static str>,
    domain: Vec<&'static str>,
}

#[derive(Debug, Clone)]
struct Table {
    protocol: &'static str,
    properties: Vec<&'static str>,
    /// Fields that the protocol does not name.
    later: Later,
    files: Vec<(&'static str, File)>,
    txns: Vec<(&'static str, i64)>,
    domains: Vec<(&'static str, &'static str)>,
}

const PATHS: [&str; 7] = ["a", "a%20b", "p=%2525/x", "p=ü/x+y", "a:b/c", "ROOT/moved%20here", "z"];
const EXTRAS: [&str; 6] = [
    r#""stats":"{\"numRecords\":3}""#,
    r#""tags":{"k":"v","n":null}"#,
    r#""baseRowId":9007199254740993"#,
    r#""clusteringProvider":"liquid""#,
    r#""later":{"x":[1,2]}"#,
    r#""modificationTime":17"#,
];
/// The same of actions that are no files.
const HEAD_EXTRAS: [&str; 4] =
    [r#""later":{"x":[1,2]}"#, r#""labels":{"k":"v","n":null}"#, r#""none":null"#, r#""on":true"#];
const PROTOCOLS: [&str; 4] = [
    r#"{"minReaderVersion":1,"minWriterVersion":2}"#,
    r#"{"minReaderVersion":2,"minWriterVersion":5}"#,
    r#"{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["domainMetadata"]}"#,
    r#"{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors","v2Checkpoint"],"writerFeatures":["deletionVectors","v2Checkpoint"]}"#,
];
const PROPERTIES: [&str; 5] = [
    r#""delta.appendOnly":"true""#,
    r#""delta.enableInCommitTimestamps":"true""#,
    r#""delta.inCommitTimestampEnablementVersion":"4","delta.inCommitTimestampEnablementTimestamp":"9""#,
    r#""io.unitycatalog.tableId":"x""#,
    r#""somebody.elses":"ü\"""#,
];

fn file() -> impl Strategy<Value = File> {
    let extras = proptest::sample::subsequence(EXTRAS.to_vec(), 0..=EXTRAS.len());
    (proptest::option::of(0_u8..3), extras).prop_map(|(vector, extras)| File { vector, extras })
}

fn later() -> impl Strategy<Value = Later> {
    let extras = || proptest::sample::subsequence(HEAD_EXTRAS.to_vec(), 0..=HEAD_EXTRAS.len());
    (extras(), extras(), extras()).prop_map(|(metadata, txn, domain)| Later { metadata, txn, domain })
}

fn table() -> impl Strategy<Value = Table> {
    let properties = proptest::sample::subsequence(PROPERTIES.to_vec(), 0..=PROPERTIES.len());
    let files = btree_map(select(&PATHS[..]), file(), 0..=PATHS.len());
    let txns = vec((select(&["s", "t", "lakedr/golden/cat.s.t"][..]), -1_i64..3), 0..4);
    let domains = vec((select(&["d", "delta.rowTracking"][..]), select(&["{}", "1"][..])), 0..3);
    (select(&PROTOCOLS[..]), properties, later(), files, txns, domains).prop_map(
        |(protocol, properties, later, files, txns, domains)| Table {
            protocol,
            properties,
            later,
            files: files.into_iter().collect(),
            txns,
            domains,
        },
    )
}

/// Fields behind those that an action has.
fn more(extras: &[&str]) -> String {
    extras.iter().map(|extra| format!(",{extra}")).collect()
}

/// The log of a table below a url. A replica has no absolute paths.
fn log(table: &Table, url: &str, absolute: bool) -> String {
    let mut lines = vec![
        format!(r#"{{"protocol":{}}}"#, table.protocol),
        format!(
            r#"{{"metaData":{{"id":"{url}","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{{}}","partitionColumns":[],"configuration":{{{}}}{}}}}}"#,
            table.properties.join(","),
            more(&table.later.metadata)
        ),
    ];
    lines.extend(table.files.iter().map(|(path, file)| add(path, file, url, absolute)));
    let (of_txn, of_domain) = (more(&table.later.txn), more(&table.later.domain));
    let txn = |(app, version): &(&str, i64)| {
        format!(r#"{{"txn":{{"appId":"{app}","version":{version}{of_txn}}}}}"#)
    };
    lines.extend(table.txns.iter().map(txn));
    let domain = |(name, configuration): &(&str, &str)| {
        format!(
            r#"{{"domainMetadata":{{"domain":"{name}","configuration":"{configuration}","removed":false{of_domain}}}}}"#
        )
    };
    lines.extend(table.domains.iter().map(domain));
    lines.join("\n")
}

fn add(path: &str, file: &File, url: &str, absolute: bool) -> String {
    let path = if absolute { path.replace("ROOT", url) } else { path.replace("ROOT/", "") };
    let vector = file.vector.map(|number| match (number, absolute) {
        (0, _) => r#""deletionVector":{"storageType":"i","pathOrInlineDv":"abcde","sizeInBytes":4,"cardinality":1}"#.to_owned(),
        (1, true) => format!(r#""deletionVector":{{"storageType":"p","pathOrInlineDv":"{url}/dv.bin","offset":1,"sizeInBytes":4,"cardinality":1}}"#),
        (_, _) => r#""deletionVector":{"storageType":"u","pathOrInlineDv":"ab^-aqEH.-t@S}K{vb[*k^","offset":1,"sizeInBytes":36,"cardinality":1}"#.to_owned(),
    });
    let extras = more(&file.extras.iter().copied().chain(vector.as_deref()).collect::<Vec<_>>());
    format!(r#"{{"add":{{"path":"{path}","partitionValues":{{}},"size":5,"dataChange":true{extras}}}}}"#)
}

fn replay(commits: &[&str], url: &str) -> TableState {
    let mut replay = Replay::new();
    for commit in commits {
        replay.begin_commit();
        for action in actions(commit.as_bytes()) {
            replay.apply(action.unwrap()).unwrap();
        }
    }
    replay.finish(url, commits.len() as u64 - 1).unwrap()
}

/// The state that a checkpoint holds.
fn read_back(checkpoint: Bytes, version: u64) -> TableState {
    let mut replay = Replay::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(checkpoint).unwrap().build().unwrap() {
        for action in rows(&batch.unwrap()).unwrap() {
            replay.apply(action).unwrap();
        }
    }
    replay.finish(TARGET, version).unwrap()
}

/// The fields beyond the protocol of each action of the head.
fn beyond(state: &TableState) -> Vec<Vec<Option<serde_json::Value>>> {
    let head = &state.head;
    let txns = head.txns.values().map(|txn| &txn.raw);
    let domains = head.domains.values().map(|domain| &domain.raw);
    let fields = |raw: &RawObject| {
        let fields = raw.fields();
        let value = |name: &&str| Some(serde_json::from_str(fields.get(name)?.get()).unwrap());
        ["later", "labels", "none", "on"].iter().map(value).collect()
    };
    [&head.metadata.raw].into_iter().chain(txns).chain(domains).map(fields).collect()
}

/// The rules of one commit (protocol, "Action Reconciliation").
fn check_rules(body: &str, before: Option<&TableState>) {
    let found: Vec<Action> = actions(body.as_bytes()).map(Result::unwrap).collect();
    assert_eq!(found[0].kind.key(), "commitInfo");
    let keys = |kind: &str| -> Vec<FileKey> {
        let of_kind = found.iter().filter(|action| action.kind.key() == kind);
        of_kind.map(|action| FileKey::of(&action.body.fields()).unwrap()).collect()
    };
    let (adds, removes) = (keys("add"), keys("remove"));
    let paths = |keys: &[FileKey]| keys.iter().map(|key| key.path.clone()).collect::<BTreeSet<_>>();
    assert_eq!((paths(&adds).len(), paths(&removes).len()), (adds.len(), removes.len()), "{body}");
    assert!(adds.iter().all(|key| !removes.contains(key)), "{body}");
    let live = |key: &FileKey| before.is_some_and(|state| state.files.contains_key(key));
    assert!(removes.iter().all(live), "{body}");
    for kind in ["protocol", "metaData", "commitInfo"] {
        assert!(found.iter().filter(|action| action.kind.key() == kind).count() <= 1, "{body}");
    }
    let names = |kind: &str, field: &'static str| -> Vec<String> {
        let of_kind = found.iter().filter(|action| action.kind.key() == kind);
        of_kind.map(|action| action.body.fields().required::<String>(field).unwrap()).collect()
    };
    for (kind, field) in [("txn", "appId"), ("domainMetadata", "domain")] {
        let names = names(kind, field);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{body}");
    }
}

const SOURCE: &str = "s3://primary/t";
const TARGET: &str = "s3://secondary/t";

proptest! {
    #[test]
    fn one_commit_makes_a_target_equal(source in table(), target in proptest::option::of(table())) {
        let source = replay(&[&log(&source, SOURCE, true)], SOURCE);
        let before = target.map(|table| log(&table, TARGET, false));
        let target = before.as_ref().map(|log| replay(&[log], TARGET));

        let (diff, copies) = TableDiff::between(&source, target.as_ref()).unwrap();
        let version = u64::from(target.is_some());
        let body = String::from_utf8(diff.commit_body(&context(&source, target.as_ref(), version))).unwrap();
        check_rules(&body, target.as_ref());
        let commits: Vec<&str> = before.as_deref().into_iter().chain([body.as_str()]).collect();
        let after = replay(&commits, TARGET);

        prop_assert_eq!(differences(&source, &after), Vec::new());
        prop_assert!(TableDiff::between(&source, Some(&after)).unwrap().0.is_empty());
        if let Some(target) = &target {
            prop_assert_eq!(diff.is_empty(), differences(&source, target).is_empty());
        }
        let copied: BTreeSet<&str> = copies.iter().map(|copy| copy.target_key.as_ref()).collect();
        prop_assert_eq!(copied.len(), copies.len());
        let mut columns = AddColumns::default();
        after.files.values().try_for_each(|add| columns.widen(&add.raw)).unwrap();
        let mut checkpoint = CheckpointEncoder::begin(&after.head, columns, NOW_MS).unwrap();
        after.files.values().try_for_each(|add| checkpoint.add(add)).unwrap();
        let bytes = Bytes::from([checkpoint.take(), checkpoint.finish().unwrap().tail].concat());
        let again = read_back(bytes, after.head.version);
        prop_assert_eq!(differences(&after, &again), Vec::new());
        prop_assert_eq!(beyond(&after), beyond(&again));
    }
}
