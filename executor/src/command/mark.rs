use futures::future::try_join_all;
use lakedr_control::id::TableName;
use lakedr_control::run_record::{RunStatus, TableStates, TableVersions};
use lakedr_control::validate::SideName;
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::cli::{MarkCommand, MarkStatus};
use crate::error::{At as _, Classify as _, Failure, Stage, chain};
use crate::exit::Exit;
use crate::observe::choice::{epoch, marker};
use crate::observe::table_error::TableError;
use crate::pipeline::Scene;
use crate::spec::TableStore;

#[derive(Serialize)]
struct Document<'a> {
    group: &'a str,
    run: &'a str,
    attempt: u32,
    event: &'static str,
    versions: TableVersions,
}

/// `lakedr mark start|finish`
pub(super) async fn run(context: &Context, command: &MarkCommand) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let [(spec, group)] = loaded.groups.as_slice() else {
        return Err(CommandError::NeedsOneGroup { command: "mark" });
    };
    let scene = Scene::open(&context.world, &loaded, spec, group).await?;
    let (active, epoch) = active(context, &scene).await;
    let Some(marker) = marker(&scene, active, epoch)? else {
        return Err(CommandError::NoMarker { group: group.name.to_string() });
    };
    let tables = scene.stores.sources(active, group).await.at(Stage::Observe, &group.name)?;
    let states = states(&tables).await?;
    let (run, now) = (command.run(), context.world.now());
    let (event, attempt) = match command {
        MarkCommand::Start { .. } => ("started", marker.start(run, now, states.clone()).await),
        MarkCommand::Finish { status, .. } => {
            ("finished", marker.finish(run, now, run_status(*status), states.clone()).await)
        }
    };
    let attempt = attempt.at(Stage::Observe, format_args!("run {run}"))?;
    let document = Document { group: group.name.as_str(), run, attempt, event, versions: states.versions };
    context.output.write(&document, || format!("{}: run {run} {event} (attempt {attempt})", group.name))?;
    Ok(Exit::Ok)
}

/// The side whose runs are marked, and the epoch if it is known. The group log says who is active, but it lives in the standby region, and a
/// workflow must be able to go on without that one: then the region of this process counts, or the first one.
async fn active(context: &Context, scene: &Scene<'_>) -> (SideName, Option<u64>) {
    match scene.log.read().await {
        Ok(history) => (scene.active(&history), Some(epoch(&history))),
        Err(error) => {
            let here = context.global.region.as_deref().and_then(|region| scene.group.side_of(region));
            let side = here.unwrap_or(scene.group.initial_active);
            let region = &scene.group.side(side).region;
            tracing::warn!("{}; {region} is taken for the active region", chain(&error));
            (side, None)
        }
    }
}

fn run_status(status: MarkStatus) -> RunStatus {
    match status {
        MarkStatus::Success => RunStatus::Success,
        MarkStatus::Failed => RunStatus::Failed,
    }
}

impl MarkCommand {
    fn run(&self) -> &str {
        match self {
            Self::Start { run } | Self::Finish { run, .. } => run,
        }
    }
}

/// The newest version of every table that exists, and the id that it has there.
async fn states(tables: &[TableStore]) -> Result<TableStates, Failure> {
    let states = try_join_all(tables.iter().map(state)).await?;
    let mut found = TableStates::default();
    for (name, version, id) in states.into_iter().flatten() {
        found.versions.insert(name.clone(), version);
        found.ids.insert(name, id);
    }
    Ok(found)
}

async fn state(table: &TableStore) -> Result<Option<(TableName, u64, String)>, Failure> {
    let delta = table.table();
    let read = async {
        let listing = delta.listing().await?;
        delta.snapshot(&listing, None).await
    };
    match read.await {
        Ok(snapshot) => Ok(Some((table.name.clone(), snapshot.head.version, snapshot.head.metadata.id))),
        Err(TableError::NotATable { .. }) => Ok(None),
        Err(error) => Err(error.at(Stage::Observe, &table.name)),
    }
}
