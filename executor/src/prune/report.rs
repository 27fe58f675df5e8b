//! What `lakedr prune` says of a group.

use lakedr_control::id::{Name, TableName};
use serde::Serialize;

use super::keep::{Count, Counts};
use crate::cut::Refusal;
use crate::exit::Exit;
use crate::pipeline::Stop;
use crate::report::{GroupReport, ReportedError, bytes_text};

/// How pruning a group came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PruneOutcome {
    /// What nothing needs is gone.
    Pruned,
    /// Nothing was removed: it was asked what would be.
    Planned,
    /// Some of it stays: the tables say why.
    Incomplete,
}

/// Recovery points of the group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PointCount {
    /// Those of which every file stays.
    pub kept: u64,
    /// Those that may lose files.
    pub given_up: u64,
}

/// Objects beside the group log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MetadataReport {
    /// Spent bodies of commits and records of tables that were removed.
    pub removed: u64,
    /// Those that the store did not delete.
    pub refused: u64,
}

/// One table of the standby region.
#[derive(Debug, Clone, Serialize)]
pub struct TablePrune {
    /// The table.
    pub name: TableName,
    /// What was removed, or would be.
    pub removed: Count,
    /// Files that the store did not delete.
    pub refused: u64,
    /// What is left for another call.
    pub left: Count,
    /// What is kept, by reason.
    pub kept: Counts,
    /// Why the table was left alone, or what the store refused.
    pub error: Option<ReportedError>,
    #[serde(skip)]
    pub(super) exit: Exit,
}

impl TablePrune {
    /// A table of which nothing was removed yet.
    pub(super) fn new(name: TableName, kept: Counts, left: Count) -> Self {
        Self { name, removed: Count::default(), refused: 0, left, kept, error: None, exit: Exit::Ok }
    }

    /// Says why more was not removed. Somebody else's commit in a table is more than a reason to wait.
    pub(super) fn stopped(self, group: &Name, stop: &Stop) -> Self {
        let report = match stop {
            Stop::Refused(refusal) => GroupReport::refused(group, refusal),
            Stop::Failed(failure) => GroupReport::failed(group, failure),
        };
        let exit = match stop {
            Stop::Refused(Refusal::Diverged { .. }) => Exit::Failed,
            _ => report.exit(),
        };
        Self { error: report.error, exit, ..self }
    }

    fn exit(&self) -> Exit {
        let refused = if self.refused > 0 { Exit::Failed } else { Exit::Ok };
        Exit::of_all([self.exit, refused])
    }

    fn text(&self, would: &str) -> String {
        let mut line = format!("  {}: {would}removed {}", self.name, count_text(self.removed));
        if self.refused > 0 {
            line.push_str(&format!(", {} refused by the store", self.refused));
        }
        if self.left.files > 0 {
            line.push_str(&format!(", {} left for another call", count_text(self.left)));
        }
        let error = self.error.iter().map(|error| format!("\n    {}: {}", error.r#type, error.message));
        let kept = self
            .kept
            .iter()
            .map(|(reason, count)| format!("\n    kept {}: {}", count_text(*count), reason.describe()));
        error.chain(kept).fold(line, |text, more| text + &more)
    }
}

fn count_text(count: Count) -> String {
    format!("{} file(s) ({})", count.files, bytes_text(count.bytes))
}

/// What `lakedr prune` says of one group.
#[derive(Debug, Clone, Serialize)]
pub struct PruneReport {
    /// The group.
    pub group: String,
    /// How it came out.
    pub outcome: PruneOutcome,
    /// Its recovery points.
    pub recovery_points: PointCount,
    /// Its tables.
    pub tables: Vec<TablePrune>,
    /// What lies beside its log.
    pub metadata: MetadataReport,
}

impl PruneReport {
    /// A group whose tables have been looked at.
    pub(super) fn new(
        group: &Name,
        dry_run: bool,
        recovery_points: PointCount,
        tables: Vec<TablePrune>,
        metadata: MetadataReport,
    ) -> Self {
        let outcome = if dry_run { PruneOutcome::Planned } else { PruneOutcome::Pruned };
        let report = Self { group: group.to_string(), outcome, recovery_points, tables, metadata };
        let complete = report.exit() == Exit::Ok && report.tables.iter().all(|table| table.left.files == 0);
        Self { outcome: if complete { outcome } else { PruneOutcome::Incomplete }, ..report }
    }

    /// The exit code that this group asks for.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let refused = if self.metadata.refused > 0 { Exit::Failed } else { Exit::Ok };
        Exit::of_all(self.tables.iter().map(TablePrune::exit).chain([refused]))
    }

    /// For people.
    #[must_use]
    pub fn text(&self, dry_run: bool) -> String {
        let would = if dry_run { "would be " } else { "" };
        let (points, metadata) = (self.recovery_points, self.metadata);
        let mut lines = vec![format!(
            "{}: {} recovery point(s) kept, {} given up; {would}removed {} spent object(s) beside the group log",
            self.group, points.kept, points.given_up, metadata.removed
        )];
        if metadata.refused > 0 {
            lines.push(format!("  {} object(s) beside the group log refused by the store", metadata.refused));
        }
        lines.extend(self.tables.iter().map(|table| table.text(would)));
        lines.join("\n")
    }
}
