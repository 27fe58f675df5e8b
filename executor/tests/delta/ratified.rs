//! A table that Spark wrote through a catalog: two of its three versions are staged commits.

use std::collections::BTreeMap;
use std::path::Path;

use lakedr::delta::compare::differences;
use lakedr::delta::feature::{Exceptions, gate};
use lakedr::delta::listing::{LogEntry, LogListing};
use lakedr::delta::log_name::{LogName, STAGED_DIRECTORY};
use lakedr::delta::ratified::{Ratified, merge};
use lakedr::delta::state::TableState;
use lakedr::plan::diff::TableDiff;

use crate::clone::{Replica, context, local};
use crate::golden::table;

const MANAGED: &str = "extra/catalog_owned_preview";

/// What a catalog that has ratified everything in the staging area up to a version would say.
fn catalog(root: &Path, latest: u64) -> Ratified {
    let staged = root.join("_delta_log").join(STAGED_DIRECTORY);
    let mut commits = BTreeMap::new();
    for file in std::fs::read_dir(staged).unwrap() {
        let file = file.unwrap();
        let name = LogName::parse_staged(file.file_name().to_str().unwrap()).expect("a staged commit");
        let size = file.metadata().unwrap().len();
        commits.insert(name.version(), LogEntry { name, size, modified_ms: 0, tag: None });
    }
    commits.retain(|version, _| *version <= latest);
    Ratified { latest, commits }
}

async fn listing(root: &Path, latest: u64) -> LogListing {
    merge(&local(root).listing().await.unwrap(), &catalog(root, latest)).unwrap()
}

async fn state(root: &Path, latest: u64) -> TableState {
    local(root).state(&listing(root, latest).await, None).await.unwrap()
}

#[tokio::test]
async fn versions_that_only_the_catalog_knows_are_read() {
    let golden = table(MANAGED);
    let published = local(&golden.path).listing().await.unwrap();
    assert_eq!((published.latest_commit(), published.is_ratified()), (Some(0), false));
    for (latest, files) in [(0, 0), (1, 1), (2, 2)] {
        let state = state(&golden.path, latest).await;
        assert_eq!((state.head.version, state.files.len()), (latest, files));
        assert!(state.head.in_commit_timestamp.is_some());
        let exceptions = Exceptions { ratified: true, ..Exceptions::default() };
        assert!(gate(&state.head, &exceptions).is_ok());
        assert!(gate(&state.head, &Exceptions::default()).is_err());
    }
    let listing = listing(&golden.path, 2).await;
    let changes = local(&golden.path).changes(&listing, 0, 2).await.unwrap();
    assert_eq!(changes.iter().map(|change| change.adds.len()).collect::<Vec<_>>(), [1, 1]);
    let times: Vec<i64> = changes.iter().map(|change| change.facts.timestamp_ms).collect();
    assert!(times[0] < times[1], "{times:?}");
    let latest = state(&golden.path, 2).await.head.metadata;
    assert_eq!(local(&golden.path).version_at(&listing, &latest, times[0]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_replica_needs_no_catalog() {
    let golden = table(MANAGED);
    let source = state(&golden.path, 2).await;
    let (diff, copies) = TableDiff::between(&source, None).unwrap();
    assert!(copies.iter().all(|copy| golden.path.join(copy.source.key().as_ref()).is_file()));
    let mut replica = Replica::new();
    replica.commit(&String::from_utf8(diff.commit_body(&context(&source, None, 0))).unwrap());
    let copied = replica.state().await;
    assert_eq!(differences(&source, &copied), Vec::new());
    assert!(!copied.head.protocol.has("catalogManaged"));
    assert!(copied.head.in_commit_timestamps() && copied.head.in_commit_timestamp.is_some());
    assert!(gate(&copied.head, &Exceptions::default()).is_ok());
}
