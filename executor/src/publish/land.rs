//! Making a cut complete in the landing area. The commits go straight into the landing tables, for nobody reads a version
//! of them that no entry of the group log names: what a sender leaves behind that was killed, or that lost a race, is the
//! start of whoever comes next.

use lakedr_control::group_log::{Appended, Event, History};

use super::bodies::{Sink, SlotTaken, TableBodies, write_bodies};
use crate::error::{At as _, Failure, Stage};
use crate::pipeline::Scene;
use crate::plan::group::GroupPlan;

/// Commits to the landing tables; none when another sender has come in between. Every file is in place already.
///
/// # Errors
/// When a source cannot be read or a landing table cannot be written.
pub async fn commit_landing(
    scene: &Scene<'_>,
    history: &History,
    plan: &GroupPlan,
) -> Result<Option<Vec<TableBodies>>, Failure> {
    match write_bodies(scene, history, plan, scene.world.now(), Sink::Landing).await {
        Err(failure) if failure.cause.downcast_ref::<SlotTaken>().is_some() => Ok(None),
        written => written.map(Some),
    }
}

/// Says that the cut of a plan, whose versions are committed, has landed. None when somebody else was first.
///
/// # Errors
/// When the home of the log cannot be written.
pub async fn say_landed(
    scene: &Scene<'_>,
    history: History,
    plan: &GroupPlan,
) -> Result<Option<History>, Failure> {
    let event = Event::Landed { spec_digest: scene.spec_digest.clone(), cut: plan.cut.clone() };
    let appended = scene.log.append(history, event, scene.world.now(), scene.world.author.clone()).await;
    Ok(match appended.at(Stage::Publish, &scene.group.name)? {
        Appended::Done(history) => Some(*history),
        Appended::Lost => None,
    })
}
