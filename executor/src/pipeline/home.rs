//! The group log follows the standby region.

use lakedr_control::group_log::{Appended, Event, History};
use lakedr_control::layout;

use super::scene::Scene;
use crate::error::{At as _, Failure, Stage};

/// Makes the log go on in the location of the region that is standby, where it survives the loss of the active one. A
/// failover leaves it in the region that is active from then on, because the other one may be lost; it moves as soon as
/// that one answers. `None` when somebody else wrote to the log meanwhile.
///
/// # Errors
/// When either location is out of reach; the log then stays where it is.
pub(super) async fn follow_standby(scene: &Scene<'_>, history: History) -> Result<Option<History>, Failure> {
    let side = scene.group.side(scene.standby(&history));
    if scene.log.home_region(&history) == side.region {
        return Ok(Some(history));
    }
    let location = scene.stores.location(scene.standby(&history));
    let listed = location.list(&layout::probes()).await;
    listed.at(Stage::Observe, format_args!("external location {}", side.location))?;
    let event = Event::Moved { to_region: side.region.clone() };
    let appended = scene.log.append(history, event, scene.world.now(), scene.world.author.clone()).await;
    Ok(match appended.at(Stage::Observe, &scene.group.name)? {
        Appended::Done(history) => Some(*history),
        Appended::Lost => None,
    })
}
