//! The command line: what was typed, and nothing more.

mod drill;
mod snapshot;

use std::fmt;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use lakedr_control::location::StoreUrl;
use lakedr_control::snapshots::SnapshotId;

pub use drill::DrillArgs;
pub use snapshot::{SnapshotArgs, SnapshotCommand, SnapshotRestoreArgs};

use crate::report::Format;
use crate::restore::To;

/// Disaster recovery for Delta lakehouses.
///
/// Brings the standby region of each sync group to the newest finished run of its workflow. Specifications come
/// from a control store or from a Terraform state; both are written by the Terraform provider lakedr/lakedr.
#[derive(Debug, Parser)]
#[command(name = "lakedr", version, max_term_width = 100)]
pub struct Cli {
    /// What to work on, and how to talk.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Control store of this region: file:///…, s3://…, abfss://… or gs://…
    #[arg(long, global = true, value_name = "URL", env = "LAKEDR_CONTROL_URL")]
    pub control: Option<String>,
    /// Take the specifications from a Terraform state instead: a state file, the output of
    /// `terraform show -json`, - for standard input, or a workspace of HCP Terraform, tfc://ORGANIZATION/WORKSPACE
    #[arg(long, global = true, value_name = "FILE|-|tfc://…")]
    pub state: Option<String>,
    /// Region that this process runs in
    #[arg(long, global = true, value_name = "NAME", env = "LAKEDR_REGION")]
    pub region: Option<String>,
    /// Control store of the other region: validate, status, drill and the plans of failover and failback say where the two
    /// regions are declared differently
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LAKEDR_OTHER_CONTROL_URL",
        hide_env_values = true,
        requires = "region"
    )]
    pub other_control: Option<StoreUrl>,
    /// Sync group to work on; may be given several times; default is all
    #[arg(long, global = true, value_name = "NAME")]
    pub group: Vec<String>,
    /// Form of the data on stdout
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Format,
    /// Say more on stderr; twice says everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say less on stderr: errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Form of the log on stderr
    #[arg(long, global = true, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// Form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check specifications, access, tables, workflow, and retention against the schedule
    Validate,
    /// Show what a sync would copy: cut, files, bytes, cost. Writes nothing
    Plan,
    /// Cut, copy and publish each group that is due. Of a group with staged delivery: the half of this --region, or both
    /// without one
    Sync(SyncArgs),
    /// Staged delivery, in the active region: cut each group that is due, and copy it to the landing area
    Send(SyncArgs),
    /// Staged delivery, in the standby region: publish what has landed
    Receive(SyncArgs),
    /// Show RPO lag in time and runs, roles, epochs and last errors
    Status,
    /// List the recovery points of each group
    RecoveryPoints,
    /// Show the group log
    History,
    /// Prove that the standby tables equal the source at the newest recovery point
    Verify(VerifyArgs),
    /// Remove from the standby tables the files that no kept recovery point, no retention and no plan in progress needs
    Prune(PruneArgs),
    /// Bring whole groups to a recovery point that they had, in place or elsewhere
    Restore(RestoreArgs),
    /// Take, list, remove and bring back the kept copies that snapshot schedules ask for
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Make the standby region the active one when the active region is lost: plan, then execute what was planned
    #[command(subcommand)]
    Failover(SwitchCommand),
    /// Go back to the region that a group began with, with both regions there and nothing lost
    #[command(subcommand)]
    Failback(SwitchCommand),
    /// Rehearse a failover in the standby region: look at log, tables and services, copy the newest recovery point aside, have
    /// it judged, and write a report. Production is not touched. Exit code 4 when a failover would not work
    Drill(DrillArgs),
    /// Write run records for a group with a marker workflow
    #[command(subcommand)]
    Mark(MarkCommand),
    /// Work with the specifications in a Terraform state
    #[command(subcommand)]
    State(StateCommand),
    /// Turn a JSON configuration of dr_sync_job into a Terraform configuration on stdout; what to know about it goes to
    /// stderr. Exit code 2 when the result breaks a rule of lakedr
    ImportConfig(ImportConfigArgs),
    /// Copy the objects that are named on stdin, one JSON transfer a line; write a JSON receipt a line to stdout.
    /// Credentials are those of --group, else those of the environment. Exit code 4 when one of them failed
    CopyWorker(CopyWorkerArgs),
}

/// Options of `lakedr sync`, `lakedr send` and `lakedr receive`.
#[derive(Debug, Clone, Copy, Args)]
pub struct SyncArgs {
    /// Ignore the schedules
    #[arg(long)]
    pub force: bool,
    /// Go on until interrupted, looking again every so often
    #[arg(long)]
    pub watch: bool,
    /// Time between two looks of --watch
    #[arg(long, value_name = "DURATION", default_value = "30s", requires = "watch", value_parser = pause)]
    pub every: std::time::Duration,
}

/// Options of `lakedr import-config`.
#[derive(Debug, Clone, Args)]
pub struct ImportConfigArgs {
    /// The configuration, or - for standard input
    #[arg(value_name = "FILE|-")]
    pub file: String,
    /// Region of sync_location_primary and of the workspaces, which the file does not name
    #[arg(long, value_name = "NAME", default_value = "primary")]
    pub primary_region: String,
    /// Region of sync_location_secondary
    #[arg(long, value_name = "NAME", default_value = "secondary")]
    pub secondary_region: String,
    /// Root of the tables that lakedr makes in the secondary region; to be filled in when left out
    #[arg(long, value_name = "URL")]
    pub secondary_table_root: Option<String>,
    /// Workspace in the secondary region; a placeholder when left out
    #[arg(long, value_name = "URL")]
    pub secondary_workspace: Option<String>,
}

/// Options of `lakedr copy-worker`.
#[derive(Debug, Clone, Copy, Args)]
pub struct CopyWorkerArgs {
    /// Cap on what this process moves; default is that of --group
    #[arg(long, value_name = "BYTES")]
    pub max_bytes_per_second: Option<u64>,
}

/// A pause between two looks: a duration, a tenth of a second at the least.
fn pause(given: &str) -> Result<std::time::Duration, String> {
    let pause = lakedr_control::time::parse_duration(given).map_err(|error| error.to_string())?;
    if pause < std::time::Duration::from_millis(100) {
        return Err("give at least 100ms: every look asks the stores of all groups".to_owned());
    }
    Ok(pause)
}

/// Options of `lakedr prune`.
#[derive(Debug, Clone, Copy, Args)]
pub struct PruneArgs {
    /// Say what would be removed, and why the rest is kept; remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `lakedr failover …`, `lakedr failback …`
#[derive(Debug, Clone, Subcommand)]
pub enum SwitchCommand {
    /// Show what each group would go on from, what would be lost, what is in the way, and the steps. Writes nothing
    Plan,
    /// Carry out a plan, as long as the groups are as it found them. After an interruption the same call goes on
    Execute {
        /// Id that `plan` gave
        #[arg(long, value_name = "ID")]
        plan: String,
        /// Who approves it: kept in the group log
        #[arg(long, value_name = "WHO", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        approve: String,
    },
}

/// Options of `lakedr restore`. The groups are named with --group.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// Recovery point: the number of its entry, as `lakedr recovery-points` shows it, or the newest that shows this moment
    #[arg(long, value_name = "POINT")]
    pub to: To,
    /// Bring it back as tables of their own below this place, at catalog/schema/table
    #[arg(long, value_name = "URL", conflicts_with = "yes")]
    pub target: Option<StoreUrl>,
    /// Restore the standby tables though the group is not paused, and the next sync brings its newest run back
    #[arg(long)]
    pub yes: bool,
}

/// Options of `lakedr verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// How deep to look
    #[arg(long, value_enum, default_value_t)]
    pub level: Level,
    /// Prove this snapshot instead of recovery points
    #[arg(long, value_name = "ID")]
    pub snapshot: Option<SnapshotId>,
    /// Schedule of the snapshot; needed when several schedules have a snapshot of that id
    #[arg(long, value_name = "NAME", requires = "snapshot")]
    pub schedule: Option<String>,
}

/// Depth of a verification; each level includes the ones before it.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    ValueEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The logs say the same: schema, files, statistics, deletion vectors, properties, transactions
    #[default]
    Log,
    /// Every file is there and has its size
    Size,
    /// Every file has the bytes of the source
    Content,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "log",
            Self::Size => "size",
            Self::Content => "content",
        })
    }
}

/// `lakedr mark …`
#[derive(Debug, Clone, Subcommand)]
pub enum MarkCommand {
    /// Say that a run of the workflow begins
    Start {
        /// Id of the run
        #[arg(long, value_name = "ID")]
        run: String,
    },
    /// Say that a run of the workflow is over, and record the version of every table
    Finish {
        /// Id of the run
        #[arg(long, value_name = "ID")]
        run: String,
        /// How it ended
        #[arg(long, value_enum, default_value_t)]
        status: MarkStatus,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MarkStatus {
    /// Everything is written
    #[default]
    Success,
    /// The run gave up
    Failed,
}

impl fmt::Display for MarkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Failed => "failed",
        })
    }
}

/// `lakedr state …`
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum StateCommand {
    /// Show the specifications
    Show,
    /// Say what differs between a Terraform state (--state), the control store (--control) and the group logs;
    /// exit code 2 when something does
    Drift,
    /// Write the documents of a Terraform state (--state) into the control store (--control); or, with
    /// --metadata-table, the sync metadata tables anew from the group logs
    Rebuild {
        /// Replace documents that differ
        #[arg(long, conflicts_with = "metadata_table")]
        overwrite: bool,
        /// Write no document, but the sync metadata tables of all groups
        #[arg(long)]
        metadata_table: bool,
    },
}
