use futures::future::join_all;
use lakedr_control::group_log::History;
use lakedr_control::id::TableName;
use lakedr_control::layout;

use super::document::TableRecord;
use crate::error::chain;
use crate::pipeline::{Leg, Scene};
use crate::spec::TableStore;

/// Each table with its record.
pub async fn with_records(
    scene: &Scene<'_>,
    history: &History,
    tables: Vec<TableStore>,
) -> Vec<(TableStore, Option<TableRecord>)> {
    let loads = tables.into_iter().map(|table| async move {
        let record = load(scene, history, &table.name).await;
        (table, record)
    });
    join_all(loads).await
}

/// The record of a table since this leg wrote it last, if there is one that can be used.
async fn load(scene: &Scene<'_>, history: &History, table: &TableName) -> Option<TableRecord> {
    let base = scene.base(history)?;
    let (held, seq) = (base.cut.table(table)?, base.seq?);
    let key = layout::table_record(&scene.group.name, seq, table);
    let object = match scene.log.home_store(history).read(&key).await {
        Ok(object) => object?,
        Err(error) => {
            tracing::debug!(%table, "{key} cannot be read: {}", chain(&error));
            return None;
        }
    };
    let record = match TableRecord::decode(&object.bytes) {
        Ok(record) => record,
        Err(error) => {
            tracing::debug!(%table, "{key} is not used: {}", chain(&error));
            return None;
        }
    };
    let fits = record.group == scene.group.name
        && record.table == *table
        && (record.intent, &record.cut) == (seq, &base.cut.id)
        && (Some(record.source.head.version), Some(record.target.head.version)) == scene.leg.versions(held)
        // a landing table has an id of its own
        && (scene.leg == Leg::Receive || record.source.head.metadata.id == held.source_table_id);
    fits.then_some(record)
}

/// Stores a record. Best effort: without it the next sync reads both tables whole.
pub async fn save(scene: &Scene<'_>, history: &History, record: TableRecord) {
    let table = record.table.clone();
    let key = layout::table_record(&scene.group.name, record.intent, &table);
    let encoded = match record.encode() {
        Ok(encoded) => encoded,
        Err(error) => {
            tracing::debug!(%table, "no record of the table: {}", chain(&error));
            return;
        }
    };
    if let Err(error) = scene.log.home_store(history).create(&key, &encoded).await {
        tracing::debug!(%table, "no record of the table: {}", chain(&error));
    }
}
