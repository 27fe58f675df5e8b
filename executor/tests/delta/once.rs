//! The first clone of every table, and a checkpoint of it.

use lakedr::delta::checksum::Checksum;
use lakedr::delta::compare::differences;
use lakedr::delta::state::TableState;
use lakedr::observe::snapshot::Snapshot;
use lakedr::publish::{write_checkpoint, write_checksum};
use lakedr::second::second_opinion;
use lakedr::spec::TableStore;

use crate::clone::{NOW_MS, Replica, chain, local, store};
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

/// Replaces the log by a checkpoint and a checksum: the state must be the same, for the second implementation too.
async fn checkpoint_alone(replica: &Replica, source: &TableState) -> Result<(), String> {
    let (target, store) = (local(&replica.path()), store(&replica.path()));
    let full = target.snapshot(&target.listing().await.unwrap(), None).await.unwrap();
    agree(&store, &full).await?;
    let log = replica.path().join("_delta_log");
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    let written = write_checkpoint(&store, &full, NOW_MS).await;
    written.map_err(|error| chain(&error))?;
    let checksum = Checksum::of(&full.head, source.files.len() as u64, source.bytes());
    write_checksum(&store, full.head.version, &checksum).await.map_err(|error| chain(&error))?;

    let snapshot =
        target.snapshot(&target.listing().await.unwrap(), None).await.map_err(|error| chain(&error))?;
    agree(&store, &snapshot).await?;
    let restored = snapshot.collect().await.map_err(|error| chain(&error))?;
    let found = differences(source, &restored);
    if !found.is_empty() {
        return Err(format!("checkpoint differs: {found:?}"));
    }
    assert_eq!(restored.head.txns.len(), full.head.txns.len());
    Ok(())
}

async fn agree(table: &TableStore, ours: &Snapshot) -> Result<(), String> {
    let opinion = second_opinion(table, ours).await.map_err(|error| chain(&error))?;
    if opinion.agrees() && opinion.respelled == 0 { Ok(()) } else { Err(format!("{opinion:?}")) }
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
