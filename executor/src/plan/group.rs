//! What a cut takes for a whole group: files, bytes, cost, and the slots its commits go to.

use chrono::{DateTime, Utc};
use lakedr_control::cut::Cut;
use lakedr_control::id::{Name, TableName};
use uuid::Uuid;

use super::classes::Classes;
use super::commit_body::CloneContext;
use super::diff::TableDiff;
use super::translate::Translation;
use crate::copy::Manifest;
use crate::cut::Refusal;
use crate::delta::state::TableHead;
use crate::observe::snapshot::Snapshot;
use crate::record::{CommitMark, SideRecord, TableRecord};
use crate::spec::{StoresError, TableStore};

/// The source of a plan at its version.
#[derive(Debug)]
pub struct PlannedSource {
    /// The table in the active region.
    pub table: TableStore,
    /// Everything but its files.
    pub head: TableHead,
    /// How the commit of the version was listed; none when the log no longer has it.
    pub commit: Option<CommitMark>,
    /// When the version was committed by the rules of time travel, in milliseconds since the epoch.
    pub time_ms: i64,
    /// The source itself, where the commits of the plan need its files once more.
    pub snapshot: Option<Snapshot>,
}

/// The target of a plan as it is.
#[derive(Debug)]
pub struct PlannedTarget {
    /// The table in the standby region.
    pub table: TableStore,
    /// Everything but its files; none when there is no target yet.
    pub head: Option<TableHead>,
    /// Bytes of its newest commit, as it was listed.
    pub commit_size: Option<u64>,
    /// Whether what is there has been proven equal to its source.
    pub proven: bool,
    /// Live files and bytes after the plan; the bytes are none when a log does not say them.
    pub after: (u64, Option<u64>),
}

/// One table of a plan.
#[derive(Debug)]
pub struct TablePlan {
    /// Where it is read.
    pub source: PlannedSource,
    /// Where it is written.
    pub target: PlannedTarget,
    /// What the target lacks.
    pub diff: TableDiff,
    /// The objects to copy.
    pub copies: Manifest,
    /// The compactions that the target does not follow once the plan is carried out; none when it holds every file.
    pub classes: Option<Classes>,
    /// What they save.
    pub skipped: Skipped,
}

/// What the commits of an intent say of it.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The group.
    pub group: &'a Name,
    /// Name of the table.
    pub table: &'a str,
    /// Id of the cut.
    pub cut_id: &'a str,
    /// Sequence number of the intent.
    pub seq: u64,
    /// Time of the commits.
    pub at: DateTime<Utc>,
    /// Unique for each commit.
    pub txn_id: Uuid,
    /// The table is one of the landing area.
    pub landing: bool,
}

/// Compacted files that stay at home.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

impl TablePlan {
    /// The table.
    #[must_use]
    pub fn name(&self) -> &TableName {
        &self.source.table.name
    }

    /// Version of the target; none when there is no target yet.
    #[must_use]
    pub fn target_version(&self) -> Option<u64> {
        self.target.head.as_ref().map(|head| head.version)
    }

    /// The version slots of the commits; empty when the target is equal already.
    #[must_use]
    pub fn slots(&self) -> std::ops::Range<u64> {
        let first = self.target_version().map_or(0, |version| version + 1);
        first..first + self.diff.commits()
    }

    /// Version of the target once the plan is carried out.
    #[must_use]
    pub fn version_after(&self) -> Option<u64> {
        self.slots().last().or(self.target_version())
    }

    /// What the first commit says beyond the difference; none when there is no commit to make.
    #[must_use]
    pub fn context<'a>(&'a self, said: Said<'a>) -> Option<CloneContext<'a>> {
        Some(CloneContext {
            target_table_id: table_id(said.group, self.name(), said.landing),
            group: said.group.as_str(),
            table: said.table,
            source_url: self.source.table.url.as_str(),
            cut_id: said.cut_id,
            seq: said.seq,
            now_ms: said.at.timestamp_millis(),
            target_version: self.slots().next()?,
            previous_in_commit_timestamp: self.target.head.as_ref().and_then(|head| head.in_commit_timestamp),
            source_commit_timestamp_ms: self.source.time_ms,
            txn_id: said.txn_id,
        })
    }

    /// How the files of the source are called at the target.
    ///
    /// # Errors
    /// When the url of the source is no url.
    pub fn translation(&self) -> Result<Translation, StoresError> {
        self.source.table.translation()
    }

    /// What is known of the table once the plan is published by the intent `intent`; none when the log of the source no
    /// longer has the commit of the version. `head_after` and `commit_size` are those of the target's new commit, if
    /// there is one.
    #[must_use]
    pub fn record(
        &self,
        group: &Name,
        intent: u64,
        cut_id: &str,
        head_after: Option<&TableHead>,
        commit_size: Option<u64>,
    ) -> Option<TableRecord> {
        let totals = &self.diff.totals;
        let (target_files, target_bytes) = self.target.after;
        Some(TableRecord {
            group: group.clone(),
            table: self.name().clone(),
            intent,
            cut: cut_id.to_owned(),
            source: SideRecord {
                head: self.source.head.clone(),
                files: totals.source_files,
                bytes: Some(totals.source_bytes),
            },
            source_commit: self.source.commit.clone()?,
            source_time_ms: self.source.time_ms,
            target: SideRecord {
                head: head_after.or(self.target.head.as_ref())?.clone(),
                files: target_files,
                bytes: target_bytes,
            },
            target_commit_size: commit_size.or(self.target.commit_size)?,
            classes: self.classes.clone().filter(|classes| !classes.is_empty()),
        })
    }

    /// `delta.checkpointInterval` of the source: commits between two checkpoints.
    #[must_use]
    pub fn checkpoint_interval(&self) -> Option<u64> {
        self.source.head.metadata.property("delta.checkpointInterval")?.parse().ok()
    }
}

/// Id of a table that lakedr creates: always the same for a table of a group, so that offsets of streaming readers,
/// which carry it, survive a rebuild of the standby region.
fn table_id(group: &Name, table: &TableName, landing: bool) -> Uuid {
    let place = if landing { "/landing" } else { "" };
    let name = format!("lakedr/{group}/{}{place}", table.to_string().to_lowercase());
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
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
        tables.sort_by(|a, b| a.name().cmp(b.name()));
        for table in &mut cut.tables {
            let Some(plan) = tables.iter().find(|plan| *plan.name() == table.name) else { continue };
            table.target_version = plan.version_after();
            table.files_copied = plan.copies.len();
            table.bytes_copied = plan.copies.bytes();
            table.files_removed = plan.diff.totals.removed_files;
            table.files_reused = plan.diff.totals.reused_files;
            table.files_skipped = plan.skipped.files;
            table.bytes_skipped = plan.skipped.bytes;
        }
        Self { cut, tables }
    }

    /// Files that have to move.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.tables.iter().map(|table| table.copies.len()).sum()
    }

    /// Bytes that have to move. Files of deletion vectors, whose size no log knows, count with what is known of them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.copies.bytes()).sum()
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
