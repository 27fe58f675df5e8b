use lakedr_control::dr_sync::Rejected;
use lakedr_control::location::{InvalidUrl, StoreUrl};

use crate::cli::Global;
use crate::error::{Classify as _, Failure};
use crate::exit::Exit;
use crate::report::{Output, Progress};
use crate::snapshots::InvalidPartition;
use crate::spec::{LoadError, Loaded, SpecSource, load};
use crate::world::World;

/// Why a command as a whole cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Neither control store nor state.
    #[error("no specifications: give --control URL (or LAKEDR_CONTROL_URL), or --state FILE")]
    NoSource,
    /// The URL of the control store is none.
    #[error("--control")]
    ControlUrl(#[source] InvalidUrl),
    /// The two control stores are one.
    #[error(
        "--other-control names the control store of this region, {url}; give that of the other region, or leave it out"
    )]
    OneControl {
        /// The control store.
        url: StoreUrl,
    },
    /// The command needs both.
    #[error("`lakedr state {verb}` compares two sides: give --state FILE and --control URL")]
    NeedsBoth {
        /// `drift` or `rebuild`
        verb: &'static str,
    },
    /// The command is about one group.
    #[error("`lakedr {command}` is about one group: give --group NAME once")]
    NeedsOneGroup {
        /// The command.
        command: &'static str,
    },
    /// The command is about all groups.
    #[error("the sync metadata table is one of all groups: leave --group out")]
    AllGroups,
    /// There is nothing to do it for.
    #[error("`lakedr {command}` finds no sync group: declare one, or correct --control or --state")]
    NoGroups {
        /// The command.
        command: &'static str,
    },
    /// A schedule that was asked for does not exist.
    #[error("there is no snapshot schedule {wanted:?} in {source_name}; it holds {known}")]
    UnknownSchedule {
        /// The schedule that was asked for.
        wanted: String,
        /// Where the specs come from.
        source_name: String,
        /// The schedules there are.
        known: String,
    },
    /// No schedule, or more than one, has what was asked for.
    #[error("{wanted}: {found} schedule(s) have it; give --schedule NAME, one of {known}")]
    WhichSchedule {
        /// What was asked for.
        wanted: String,
        /// How many have it.
        found: usize,
        /// The schedules there are.
        known: String,
    },
    /// A partition that was named is none.
    #[error("--where-partition")]
    Partition(#[from] InvalidPartition),
    /// Standard input is wanted for two things.
    #[error("stdin holds the transfers: give --state FILE, or --control URL")]
    StdinTwice,
    /// The group has no marker workflow.
    #[error("group {group} has no marker workflow; declare workflow = {{ marker = {{ url = \"…\" }} }}")]
    NoMarker {
        /// The group.
        group: String,
    },
    /// A file that was named cannot be read.
    #[error("cannot read {file}; give the path of a file, or - for standard input")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The configuration of `dr_sync_job` is none.
    #[error(transparent)]
    Import(#[from] Rejected),
    /// A configuration cannot be written; a bug.
    #[error("the configuration cannot be written")]
    Configuration(#[source] serde_json::Error),
    /// No group is named by a command that is about single ones.
    #[error("no group is named; name each with --group, as `lakedr status` shows them")]
    NoGroup,
    /// Specs cannot be had.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A stage failed.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// Stdout is closed.
    #[error("cannot write to stdout")]
    Stdout(#[from] std::io::Error),
}

impl CommandError {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        use lakedr_control::group_log::FailureClass;
        let class = match self {
            Self::Load(error) => error.class(),
            Self::Failure(failure) => failure.class,
            Self::Stdout(_) => return Exit::Failed,
            Self::Configuration(_) => return Exit::Bug,
            _ => FailureClass::Configuration,
        };
        match class {
            FailureClass::Unreachable => Exit::Unreachable,
            // wrong or missing credentials are a matter of configuration too
            FailureClass::Configuration | FailureClass::Denied => Exit::Usage,
            FailureClass::Internal => Exit::Bug,
            FailureClass::Damaged | FailureClass::Diverged | FailureClass::Unsupported => Exit::Failed,
        }
    }
}

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// The outside.
    pub world: World,
    /// Options of every command.
    pub global: Global,
    /// Stdout.
    pub output: Output,
    /// Progress on stderr.
    pub progress: Option<indicatif::MultiProgress>,
}

impl Context {
    /// Progress of one group.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone().map_or_else(Progress::silent, Progress::visible)
    }

    /// The control store that was named.
    ///
    /// # Errors
    /// When its URL is none.
    pub fn control_url(&self) -> Result<Option<StoreUrl>, CommandError> {
        self.global.control.as_deref().map(str::parse).transpose().map_err(CommandError::ControlUrl)
    }

    /// Where specifications come from; a state wins over a control store, which may be set by the environment.
    ///
    /// # Errors
    /// When there is neither.
    pub fn source(&self) -> Result<SpecSource, CommandError> {
        if let Some(file) = &self.global.state {
            return Ok(SpecSource::State(file.clone()));
        }
        let url = self.control_url()?.ok_or(CommandError::NoSource)?;
        if self.global.other_control.as_ref() == Some(&url) {
            return Err(CommandError::OneControl { url });
        }
        Ok(SpecSource::Control(url))
    }

    /// The groups that were asked for, from specifications that keep every rule.
    ///
    /// # Errors
    /// When they cannot be had.
    pub async fn load(&self) -> Result<Loaded, CommandError> {
        Ok(load(&self.source()?, &self.global.group, self.global.region.as_deref()).await?)
    }
}
