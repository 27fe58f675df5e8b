//! The first clone of every table, and a checkpoint of it.

use lakedr::delta::compare::differences;
use lakedr::publish::write_checkpoint;

use crate::clone::{NOW_MS, Replica, local, state, store};
use crate::golden::{Golden, Kind, table, tables};

async fn clone(table: &Golden) -> Result<(), String> {
    let mut replica = Replica::new();
    let step = replica.follow(&table.path, None).await?;
    let found = replica.differences(&step.source).await;
    if !found.is_empty() {
        return Err(format!("clone differs: {found:?}"));
    }
    let again = replica.follow(&table.path, None).await?;
    if !again.diff.is_empty() || !again.copies.is_empty() {
        return Err(format!("a second clone has work to do: {}", again.body));
    }
    checkpoint_alone(&replica, &step.source).await
}

/// Replaces the log by a checkpoint: the state must be the same.
async fn checkpoint_alone(
    replica: &Replica,
    source: &lakedr::delta::state::TableState,
) -> Result<(), String> {
    let target = local(&replica.path());
    let listing = target.listing().await.unwrap();
    let full = target.state_with_tombstones(&listing, None).await.unwrap();
    let log = replica.path().join("_delta_log");
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    let written = write_checkpoint(&store(&replica.path()), &full, NOW_MS).await;
    written.map_err(|error| crate::clone::chain(&error))?;
    let restored = state(&replica.path(), None).await.map_err(|error| crate::clone::chain(&error))?;
    let found = differences(source, &restored);
    if !found.is_empty() {
        return Err(format!("checkpoint differs: {found:?}"));
    }
    assert_eq!(restored.head.txns.len(), full.head.txns.len());
    Ok(())
}

#[tokio::test]
async fn every_table_clones_equal() {
    let mut wrong = Vec::new();
    let tables = tables(&[Kind::Copy, Kind::Empty]);
    for table in &tables {
        if let Err(error) = clone(table).await {
            wrong.push(format!("{}: {error}", table.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), tables.len());
}

#[tokio::test]
async fn an_absolute_deletion_vector_is_adopted() {
    let table = table("extra/dv_special_char");
    let mut replica = Replica::new();
    let step = replica.follow(&table.path, None).await.unwrap();
    assert_eq!(step.copies.len(), 2);
    assert!(step.body.contains(r#""storageType":"u""#), "{}", step.body);
    assert!(!step.body.contains(r#""pathOrInlineDv":"file:"#), "{}", step.body);
}
