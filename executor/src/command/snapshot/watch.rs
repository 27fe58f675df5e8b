//! What `lakedr status` and `lakedr validate` say of snapshot schedules.

use futures::future::join_all;
use lakedr_control::validate::{SnapshotSource, ValidSchedule};
use serde::Serialize;

use super::super::context::{CommandError, Context};
use super::pick::schedules;
use super::{Answer, Stopped, show};
use crate::error::Failure;
use crate::exit::Exit;
use crate::pipeline::Stop;
use crate::snapshots::{self, Desk, Listed};
use crate::spec::Loaded;

/// A schedule, as `lakedr status` shows it.
#[derive(Serialize)]
#[serde(transparent)]
pub(in crate::command) struct Watched(Answer<Listed>);

impl Watched {
    /// A run that was missed is no success, whoever is to blame.
    pub(in crate::command) fn exit(&self) -> Exit {
        match &self.0 {
            Answer::Done(listed) if listed.missed > 0 && !listed.paused => Exit::Failed,
            Answer::Done(_) => Exit::Ok,
            Answer::Stopped(stopped) => stopped.exit,
        }
    }

    /// For people.
    pub(in crate::command) fn text(&self) -> String {
        match &self.0 {
            Answer::Done(listed) => show::summary(listed),
            Answer::Stopped(stopped) => stopped.text(),
        }
    }
}

/// A schedule, as `lakedr validate` shows it.
#[derive(Serialize)]
pub(in crate::command) struct Checked {
    schedule: String,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Stopped>,
}

impl Checked {
    pub(in crate::command) fn exit(&self) -> Exit {
        self.problem.as_ref().map_or(Exit::Ok, |problem| problem.exit)
    }

    /// For people.
    pub(in crate::command) fn text(&self) -> String {
        let problem = self.problem.as_ref().map(|problem| format!("\n  {}", problem.text()));
        let valid = if self.valid { "valid" } else { "NOT valid" };
        format!("schedule {}: {valid}{}", self.schedule, problem.unwrap_or_default())
    }
}

/// The schedules of the groups that were asked for; all when none was.
fn of_call(context: &Context, loaded: &Loaded) -> Result<Vec<ValidSchedule>, CommandError> {
    let mut all = schedules(loaded, &[])?;
    let asked = |source: &SnapshotSource| match source {
        SnapshotSource::SyncGroup(name) => context.global.group.iter().any(|group| *group == name.as_str()),
        SnapshotSource::Tables { .. } => false,
    };
    all.retain(|schedule| context.global.group.is_empty() || asked(&schedule.source));
    Ok(all)
}

/// How the schedules stand.
pub(in crate::command) async fn watch(
    context: &Context,
    loaded: &Loaded,
) -> Result<Vec<Watched>, CommandError> {
    let schedules = of_call(context, loaded)?;
    let looks = schedules.iter().map(|schedule| async move {
        let listed: Result<_, Failure> = async {
            let desk = Desk::open(&context.world, loaded, schedule).await?;
            snapshots::list(&desk).await
        }
        .await;
        Watched(match listed {
            Ok(listed) => Answer::Done(listed),
            Err(failure) => Answer::Stopped(Stopped::new(schedule, &Stop::Failed(failure))),
        })
    });
    Ok(join_all(looks).await)
}

/// Whether the schedules can be carried out.
pub(in crate::command) async fn check(
    context: &Context,
    loaded: &Loaded,
) -> Result<Vec<Checked>, CommandError> {
    let schedules = of_call(context, loaded)?;
    let looks = schedules.iter().map(|schedule| async move {
        let checked: Result<_, Failure> = async {
            let desk = Desk::open(&context.world, loaded, schedule).await?;
            snapshots::check(&desk).await
        }
        .await;
        let problem = checked.err().map(|failure| Stopped::new(schedule, &Stop::Failed(failure)));
        Checked { schedule: schedule.name.to_string(), valid: problem.is_none(), problem }
    });
    Ok(join_all(looks).await)
}
