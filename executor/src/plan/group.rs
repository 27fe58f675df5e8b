//! What a cut takes for a whole group: files, bytes, cost, and the slots its commits go to.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lakedr_control::cut::Cut;
use lakedr_control::id::{Name, TableName};
use uuid::Uuid;

use super::commit_body::CloneContext;
use super::diff::TableDiff;
use crate::cut::Refusal;
use crate::spec::TableStore;

/// One table of a plan.
#[derive(Debug)]
pub struct TablePlan {
    /// The table in the active region.
    pub source: TableStore,
    /// The table in the standby region.
    pub target: TableStore,
    /// What it takes.
    pub diff: TableDiff,
    /// Version that the target has; none when there is no target yet.
    pub target_head: Option<u64>,
    /// In-commit timestamp of that version.
    pub target_in_commit_timestamp: Option<i64>,
    /// When the source version was committed, in milliseconds since the epoch.
    pub source_commit_timestamp_ms: i64,
    /// `delta.checkpointInterval` of the source: commits between two checkpoints.
    pub checkpoint_interval: Option<u64>,
}

impl TablePlan {
    /// The version slot of the commit; none when the target is equal already.
    #[must_use]
    pub fn slot(&self) -> Option<u64> {
        (!self.diff.is_empty()).then(|| self.target_head.map_or(0, |head| head + 1))
    }

    /// The commit, if there is one to make.
    #[must_use]
    pub fn commit(
        &self,
        group: &Name,
        cut_id: &str,
        seq: u64,
        at: DateTime<Utc>,
        txn_id: Uuid,
    ) -> Option<(u64, Bytes)> {
        let target_version = self.slot()?;
        let table = self.source.name.to_string();
        let body = self.diff.commit_body(&CloneContext {
            target_table_id: table_id(group, &self.source.name),
            group: group.as_str(),
            table: &table,
            source_url: self.source.url.as_str(),
            cut_id,
            seq,
            now_ms: at.timestamp_millis(),
            target_version,
            previous_in_commit_timestamp: self.target_in_commit_timestamp,
            source_commit_timestamp_ms: self.source_commit_timestamp_ms,
            txn_id,
        });
        Some((target_version, Bytes::from(body)))
    }
}

/// Id of a table that lakedr creates: always the same for a table of a group, so that offsets of streaming readers,
/// which carry it, survive a rebuild of the standby region.
fn table_id(group: &Name, table: &TableName) -> Uuid {
    Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        format!("lakedr/{group}/{}", table.to_string().to_lowercase()).as_bytes(),
    )
}

/// Application id of the marks that lakedr leaves in the targets of a table.
#[must_use]
pub fn own_app_id(group: &Name, table: &TableName) -> String {
    format!("{}{group}/{table}", crate::delta::replica::OWN_TXN_PREFIX)
}

/// What a cut takes.
#[derive(Debug)]
pub struct GroupPlan {
    /// The cut, with what it takes per table.
    pub cut: Cut,
    /// The tables, in the order of the cut.
    pub tables: Vec<TablePlan>,
}

impl GroupPlan {
    /// Puts together what each table takes.
    #[must_use]
    pub fn new(mut cut: Cut, mut tables: Vec<TablePlan>) -> Self {
        tables.sort_by(|a, b| a.source.name.cmp(&b.source.name));
        for table in &mut cut.tables {
            let Some(plan) = tables.iter().find(|plan| plan.source.name == table.name) else { continue };
            table.target_version = plan.slot().or(plan.target_head);
            table.files_copied = plan.diff.copies.len() as u64;
            table.bytes_copied = plan.diff.copy_bytes();
            table.files_removed = plan.diff.removed_files;
            table.files_reused = plan.diff.reused_files;
        }
        Self { cut, tables }
    }

    /// Files that have to move.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.tables.iter().map(|table| table.diff.copies.len() as u64).sum()
    }

    /// Bytes that have to move. Files of deletion vectors, whose size no log knows, count with what is known of them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.diff.copy_bytes()).sum()
    }

    /// Price of moving them, in the currency of `price_per_gib`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a price is an estimate")]
    pub fn cost(&self, price_per_gib: Option<f64>) -> Option<f64> {
        price_per_gib.map(|price| self.bytes() as f64 / f64::from(1 << 30) * price)
    }
}

/// What is known of a target before it is written to.
#[derive(Debug, Clone, Copy)]
pub struct TargetFacts<'a> {
    /// Version at the newest recovery point.
    pub recorded: Option<u64>,
    /// Version that it has; none when there is no table.
    pub head: Option<u64>,
    /// Whether lakedr wrote the commit of that version for this group and table.
    pub head_is_ours: bool,
    /// Oldest version behind the recorded one, and who wrote it.
    pub first_unrecorded: Option<(u64, &'a str)>,
}

/// Refuses to write to a table that somebody else has written to.
///
/// A target that is not there is cloned anew, also when it was there before: moving a diverged table away is how an
/// operator mends it.
///
/// # Errors
/// [`Refusal::Diverged`].
pub fn check_target(table: &TableName, target: TargetFacts<'_>) -> Result<(), Refusal> {
    let diverged = |version: u64, author: &str, expected: Option<u64>| Refusal::Diverged {
        table: table.clone(),
        version,
        author: author.to_owned(),
        expected: expected
            .map_or_else(|| "none, there should be no table".to_owned(), |version| version.to_string()),
    };
    match (target.recorded, target.head) {
        (_, None) => Ok(()),
        (Some(recorded), Some(head)) if head == recorded => Ok(()),
        (Some(recorded), Some(head)) if head < recorded => {
            Err(diverged(head, "somebody who removed newer versions", Some(recorded)))
        }
        (None, Some(_)) if target.head_is_ours => Ok(()),
        (recorded, Some(head)) => {
            let (version, author) = target.first_unrecorded.unwrap_or((head, "unknown"));
            Err(diverged(version, author, recorded))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(recorded: Option<u64>, head: Option<u64>, head_is_ours: bool) -> Result<(), Refusal> {
        let facts = TargetFacts { recorded, head, head_is_ours, first_unrecorded: Some((9, "spark")) };
        check_target(&"c.s.t".parse().unwrap(), facts)
    }

    #[test]
    fn only_what_lakedr_wrote_is_written_to() {
        assert!(check(None, None, false).is_ok());
        assert!(check(Some(3), Some(3), false).is_ok());
        assert!(check(Some(3), None, false).is_ok());
        assert!(check(None, Some(4), true).is_ok());
        for diverged in [
            check(None, Some(4), false),
            check(Some(3), Some(4), false),
            check(Some(3), Some(4), true),
            check(Some(3), Some(2), true),
        ] {
            assert!(matches!(diverged, Err(Refusal::Diverged { .. })), "{diverged:?}");
        }
    }
}
