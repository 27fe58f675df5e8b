use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Subcommand};
use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;
use lakedr_control::snapshots::SnapshotId;

/// `lakedr snapshot …`
#[derive(Debug, Clone, Subcommand)]
pub enum SnapshotCommand {
    /// Take the snapshots that are due. One table that fails fails the snapshot: exit code 4
    Take {
        /// Schedule to work on; may be given several times; default is all
        #[arg(long, value_name = "NAME")]
        schedule: Vec<String>,
        /// Ignore the schedule, and take a snapshot whatever the region of this process
        #[arg(long)]
        force: bool,
    },
    /// Show the snapshots there are, why each is kept, and what was missed
    List {
        /// Schedule to work on; may be given several times; default is all
        #[arg(long, value_name = "NAME")]
        schedule: Vec<String>,
    },
    /// Keep a snapshot whatever the retention says
    Pin(SnapshotArgs),
    /// Leave a snapshot to the retention again
    Unpin(SnapshotArgs),
    /// Remove the snapshots that no rule keeps, and the files that no other one needs
    Prune {
        /// Schedule to work on; may be given several times; default is all
        #[arg(long, value_name = "NAME")]
        schedule: Vec<String>,
        /// Say what would be removed, and why the rest is kept; remove nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Bring tables of a snapshot back
    Restore(SnapshotRestoreArgs),
}

/// One snapshot.
#[derive(Debug, Clone, Args)]
pub struct SnapshotArgs {
    /// Id of the snapshot, as `lakedr snapshot list` shows it
    #[arg(long, value_name = "ID")]
    pub snapshot: SnapshotId,
    /// Its schedule; needed when several schedules have a snapshot of that id
    #[arg(long, value_name = "NAME")]
    pub schedule: Option<String>,
}

/// Options of `lakedr snapshot restore`.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["snapshot", "at"])))]
#[command(group(ArgGroup::new("where").required(true).args(["target", "in_place"])))]
pub struct SnapshotRestoreArgs {
    /// Id of the snapshot, as `lakedr snapshot list` shows it
    #[arg(long, value_name = "ID")]
    pub snapshot: Option<SnapshotId>,
    /// Take the newest state of this moment or before, of the snapshots and of what the source still holds, for example
    /// 2026-11-20T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub at: Option<DateTime<Utc>>,
    /// Schedule of the snapshot; needed with --at when there are several
    #[arg(long, value_name = "NAME")]
    pub schedule: Option<String>,
    /// Table to bring back; may be given several times; default is all
    #[arg(long, value_name = "TABLE")]
    pub table: Vec<TableName>,
    /// Bring them back as tables of their own below this place, at catalog/schema/table
    #[arg(long, value_name = "URL")]
    pub target: Option<StoreUrl>,
    /// Bring them back into the tables that were copied, as commits behind the newest ones
    #[arg(long)]
    pub in_place: bool,
    /// Bring back these partitions only, for a backfill; several columns all have to match, several values of one any
    #[arg(long, value_name = "COLUMN=VALUE")]
    pub where_partition: Vec<String>,
    /// Undo commits that are newer than the snapshot; they stay in the history of the tables
    #[arg(long, requires = "in_place")]
    pub yes: bool,
}
