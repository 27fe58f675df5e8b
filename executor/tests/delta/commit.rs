//! The diff of two made states, and the exact commit that it becomes.

use lakedr::delta::action::actions;
use lakedr::delta::replay::Replay;
use lakedr::delta::state::TableState;
use lakedr::plan::diff::{FileKind, TableDiff};

use crate::clone::{chain, context};

const LEGACY: &str = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#;

fn metadata(id: &str, configuration: &str) -> String {
    format!(
        r#"{{"metaData":{{"id":"{id}","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{{}}","partitionColumns":[],"configuration":{{{configuration}}}}}}}"#
    )
}

/// A state from the lines of one log.
fn state(url: &str, version: u64, lines: &[&str]) -> TableState {
    let mut replay = Replay::new();
    for line in lines {
        for action in actions(line.as_bytes()) {
            replay.apply(action.unwrap()).unwrap();
        }
    }
    replay.finish(url, version).unwrap()
}

fn source(configuration: &str, lines: &[&str]) -> TableState {
    let metadata = metadata("source", configuration);
    let head = [LEGACY, metadata.as_str()];
    state("s3://primary/t", 4, &[&head[..], lines].concat())
}

fn target(configuration: &str, lines: &[&str]) -> TableState {
    let metadata = metadata("own", configuration);
    let head = [LEGACY, metadata.as_str()];
    state("s3://secondary/t", 2, &[&head[..], lines].concat())
}

/// The commit without its `commitInfo` and our own txn, which have tests of their own.
fn lines(source: &TableState, target: Option<&TableState>) -> Vec<String> {
    let (diff, _) = TableDiff::between(source, target).unwrap();
    let version = target.map_or(0, |state| state.head.version + 1);
    let body = String::from_utf8(diff.commit_body(&context(source, target, version))).unwrap();
    let ours = |line: &str| line.starts_with(r#"{"commitInfo""#) || line.contains("lakedr/golden");
    body.lines().filter(|line| !ours(line)).map(str::to_owned).collect()
}

const A: &str = r#"{"add":{"path":"p=%20/a","partitionValues":{"p":" "},"size":3,"modificationTime":1,"dataChange":false,"stats":"{\"numRecords\":1}","later":{"x":1.50}}}"#;
const B: &str = r#"{"add":{"path":"b","partitionValues":{},"size":5,"modificationTime":2,"dataChange":true,"tags":{"k":"v"},"baseRowId":7,"defaultRowCommitVersion":3}}"#;

#[test]
fn a_first_clone_says_everything() {
    let txn = r#"{"txn":{"appId":"stream","version":9,"lastUpdated":5}}"#;
    let domain = r#"{"domainMetadata":{"domain":"delta.rowTracking","configuration":"{}","removed":false}}"#;
    let mark = r#"{"txn":{"appId":"lakedr/old/t","version":1}}"#;
    let source = source(r#""k":"v""#, &[A, B, txn, domain, mark]);
    let expected = [
        LEGACY,
        &metadata("00000000-0000-0000-0000-000000000007", r#""k":"v""#),
        domain,
        txn,
        B,
        &A.replace("\"dataChange\":false", "\"dataChange\":true"),
    ];
    assert_eq!(lines(&source, None), expected);
    let (diff, copies) = TableDiff::between(&source, None).unwrap();
    let copied: Vec<(&str, u64)> =
        copies.iter().map(|copy| (copy.source.key().as_ref(), copy.size)).collect();
    assert_eq!(copied, [("b", 5), ("p= /a", 3)]);
    assert_eq!(copies[1].undecoded_source_key.as_ref().map(AsRef::as_ref), Some("p=%20/a"));
    assert_eq!(
        (
            diff.totals.added_files,
            diff.totals.added_bytes,
            diff.totals.reused_files,
            diff.totals.copied_bytes()
        ),
        (2, 8, 0, 8)
    );
}

#[test]
fn commit_info_and_our_mark() {
    let source = source("", &[A]);
    let (diff, _) = TableDiff::between(&source, Some(&target("", &[B]))).unwrap();
    let body = String::from_utf8(diff.commit_body(&context(&source, None, 3))).unwrap();
    let expected = concat!(
        r#"{"commitInfo":{"timestamp":1800000000000,"operation":"CLONE","operationParameters":{"isShallow":"false","#,
        r#""source":"s3://primary/t","sourceVersion":"4"},"readVersion":2,"isolationLevel":"Serializable","isBlindAppend":false,"#,
        r#""operationMetrics":{"copiedFilesSize":"3","numCopiedFiles":"1","numRemovedFiles":"1","removedFilesSize":"5","#,
        r#""sourceNumOfFiles":"1","sourceTableSize":"3"},"userMetadata":"{\"lakedr\":{\"cut\":\"cut-1\",\"group\":\"golden\","#,
        r#"\"intent\":13,\"sourceCommitTimestamp\":5,\"sourceVersion\":4,\"table\":\"cat.s.t\"}}","#,
    );
    assert!(body.starts_with(expected), "{body}");
    assert!(body.contains("{\"txn\":{\"appId\":\"lakedr/golden/cat.s.t\",\"version\":13}}\n"), "{body}");
    let again = diff.commit_body(&context(&source, None, 3));
    assert_eq!(again, body.into_bytes());
}

#[test]
fn what_the_target_has_is_left_alone() {
    let own_state = [
        A,
        B,
        r#"{"domainMetadata":{"domain":"d","configuration":"1"}}"#,
        r#"{"txn":{"appId":"s","version":1}}"#,
    ];
    let theirs = r#"{"txn":{"appId":"lakedr/golden/cat.s.t","version":11}}"#;
    let target = target("", &[&own_state[..], &[theirs]].concat());
    let (diff, copies) = TableDiff::between(&source("", &own_state), Some(&target)).unwrap();
    assert!(diff.is_empty() && copies.is_empty());
    assert_eq!((diff.totals.reused_files, diff.totals.removed_files), (2, 0));
}

#[test]
fn files_domains_and_progress_come_and_go() {
    let vector = r#""deletionVector":{"storageType":"u","pathOrInlineDv":"ab^-aqEH.-t@S}K{vb[*k^","offset":1,"sizeInBytes":36,"cardinality":1}"#;
    let deleted = A.replace("\"size\":3", &format!("\"size\":3,{vector}"));
    let source = source("", &[&deleted, r#"{"txn":{"appId":"s","version":2}}"#]);
    let target = target(
        "",
        &[
            A,
            B,
            r#"{"txn":{"appId":"s","version":1}}"#,
            r#"{"txn":{"appId":"gone","version":1}}"#,
            r#"{"domainMetadata":{"domain":"d","configuration":"1"}}"#,
        ],
    );
    let expected = [
        r#"{"domainMetadata":{"domain":"d","configuration":"1","removed":true}}"#.to_owned(),
        r#"{"txn":{"appId":"s","version":2}}"#.to_owned(),
        r#"{"txn":{"appId":"gone","version":-1}}"#.to_owned(),
        r#"{"remove":{"path":"b","deletionTimestamp":1800000000000,"dataChange":true,"extendedFileMetadata":true,"partitionValues":{},"size":5,"tags":{"k":"v"},"baseRowId":7,"defaultRowCommitVersion":3}}"#.to_owned(),
        r#"{"remove":{"path":"p=%20/a","deletionTimestamp":1800000000000,"dataChange":true,"extendedFileMetadata":true,"partitionValues":{"p":" "},"size":3,"stats":"{\"numRecords\":1}"}}"#.to_owned(),
        deleted.replace("\"dataChange\":false", "\"dataChange\":true"),
    ];
    assert_eq!(lines(&source, Some(&target)), expected);
    // The data file is there already: only the deletion vector travels.
    let (_, copies) = TableDiff::between(&source, Some(&target)).unwrap();
    assert_eq!(copies.len(), 1);
    assert_eq!((copies[0].kind, copies[0].size), (FileKind::DeletionVector, 45));
}

#[test]
fn a_file_of_which_only_the_words_change_is_no_data_change() {
    let restated = A.replace("numRecords", "NUMRECORDS");
    let found = lines(&source("", &[&restated]), Some(&target("", &[A])));
    assert_eq!(found, [restated]);
}

#[test]
fn an_append_only_table_rearranges() {
    let append_only = r#""delta.appendOnly":"true""#;
    let found = lines(&source(append_only, &[A]), Some(&target(append_only, &[B])));
    assert!(
        found[0].contains(r#""remove":{"path":"b","deletionTimestamp":1800000000000,"dataChange":false"#)
    );
    assert!(found[1].contains(r#""dataChange":true"#));
}

#[test]
fn in_commit_timestamps_are_the_targets_own() {
    let on = r#""delta.enableInCommitTimestamps":"true""#;
    let with_keys = r#""delta.enableInCommitTimestamps":"true","delta.inCommitTimestampEnablementTimestamp":"8","delta.inCommitTimestampEnablementVersion":"7""#;
    let body = |source: &TableState, target: Option<&TableState>, version: u64| {
        let (diff, _) = TableDiff::between(source, target).unwrap();
        String::from_utf8(diff.commit_body(&context(source, target, version))).unwrap()
    };
    let since_ever = body(&source(with_keys, &[]), None, 0);
    assert!(since_ever.starts_with(r#"{"commitInfo":{"inCommitTimestamp":1800000000000,"#), "{since_ever}");
    assert!(!since_ever.contains("Enablement"), "{since_ever}");

    let mut before = target("", &[]);
    before.head.in_commit_timestamp = None;
    let enabled = body(&source(on, &[]), Some(&before), 3);
    assert!(enabled.contains(r#""delta.inCommitTimestampEnablementTimestamp":"1800000000000","delta.inCommitTimestampEnablementVersion":"3""#), "{enabled}");

    let mut running = target(with_keys, &[]);
    running.head.in_commit_timestamp = Some(1_900_000_000_000);
    assert!(TableDiff::between(&source(on, &[]), Some(&running)).unwrap().0.is_empty());
    let source = source(&format!("{on},\"k\":\"v\""), &[]);
    let kept = body(&source, Some(&running), 3);
    assert!(kept.starts_with(r#"{"commitInfo":{"inCommitTimestamp":1900000000001,"#), "{kept}");
    assert!(kept.contains(r#""delta.inCommitTimestampEnablementVersion":"7""#), "{kept}");
    assert!(kept.contains(r#""metaData":{"id":"own""#), "{kept}");
}

#[test]
fn what_cannot_be_cloned_is_refused() {
    let refused = |source: &TableState, target: Option<&TableState>| {
        chain(&TableDiff::between(source, target).unwrap_err())
    };
    let bigger = A.replace("\"size\":3", "\"size\":4");
    assert_eq!(
        refused(&source("", &[&bigger]), Some(&target("", &[A]))),
        "file `p=%20/a` has 4 bytes at the source and 3 at the target: a file of that name was replaced; remove \
         the target table and clone it anew"
    );
    let twice = A.replace("\"size\":3", r#""size":3,"deletionVector":{"storageType":"i","pathOrInlineDv":"x","sizeInBytes":1,"cardinality":1}"#);
    assert_eq!(
        refused(&source("", &[A, &twice]), None),
        "the source lists file `p=%20/a` twice; the log is damaged"
    );
    let elsewhere = A.replace("p=%20/a", "s3://other/x");
    assert!(refused(&source("", &[&elsewhere]), None).contains("lies outside of its table `s3://primary/t`"));
}
