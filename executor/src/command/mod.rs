//! One file per verb. Each reads as one sentence of stages.

mod context;
mod copy_worker;
mod drill;
mod drill_status;
mod failover;
mod history;
mod import_config;
mod logs;
mod mark;
mod plan;
mod prune;
mod recovery_points;
mod restore;
mod service_lines;
mod snapshot;
mod state;
mod status;
mod sync;
mod validate;
mod verify;

pub use context::{CommandError, Context};

use crate::cli::Command;
use crate::exit::Exit;
use crate::failover::Kind;
use crate::pipeline::Asked;

/// Carries out one command.
///
/// # Errors
/// When the command as a whole cannot be done; what happens to single groups is in its output.
pub async fn run(context: &Context, command: &Command) -> Result<Exit, CommandError> {
    match command {
        Command::Validate => validate::run(context).await,
        Command::Plan => plan::run(context).await,
        Command::Sync(args) => sync::run(context, Asked::Sync, *args).await,
        Command::Send(args) => sync::run(context, Asked::Send, *args).await,
        Command::Receive(args) => sync::run(context, Asked::Receive, *args).await,
        Command::Status => status::run(context).await,
        Command::RecoveryPoints => recovery_points::run(context).await,
        Command::History => history::run(context).await,
        Command::Verify(args) => match &args.snapshot {
            Some(id) => snapshot::verify(context, id, args.schedule.as_deref(), args.level).await,
            None => verify::run(context, args.level).await,
        },
        Command::Snapshot(command) => snapshot::run(context, command).await,
        Command::Restore(args) => restore::run(context, args).await,
        Command::Prune(args) => prune::run(context, args.dry_run).await,
        Command::Failover(command) => failover::run(context, Kind::Failover, command).await,
        Command::Failback(command) => failover::run(context, Kind::Failback, command).await,
        Command::Drill(args) => drill::run(context, args).await,
        Command::Mark(command) => mark::run(context, command).await,
        Command::State(command) => state::run(context, *command).await,
        Command::ImportConfig(args) => import_config::run(context, args),
        Command::CopyWorker(args) => copy_worker::run(context, *args).await,
    }
}
