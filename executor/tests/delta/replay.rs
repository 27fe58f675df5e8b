//! Replay of the source: the right number of live files.

use crate::clone::state;
use crate::golden::{Kind, tables};

#[tokio::test]
async fn every_table_replays_to_its_live_files() {
    let mut wrong = Vec::new();
    for table in tables(&[Kind::Copy, Kind::Empty, Kind::LogOnly]) {
        // The index counts by path strings; by Spark's rule `/x` and `file:/x` are one file, removed here.
        let aliased = table.name.contains("canonicalized-paths-");
        let expected = if aliased { Some(0) } else { table.live_files };
        match state(&table.path, None).await {
            Ok(state) if Some(state.files.len()) == expected && Some(state.head.version) == table.version => {
            }
            Ok(state) => {
                wrong.push(format!("{}: {} files at {}", table.name, state.files.len(), state.head.version));
            }
            Err(error) => wrong.push(format!("{}: {}", table.name, crate::clone::chain(&error))),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
