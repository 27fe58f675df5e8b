//! The plan of a table of which only what came since the newest recovery point is read.

use super::scene::{Scene, Stop};
use crate::observe::source::Pinned;
use crate::observe::target::Target;
use crate::plan::group::TablePlan;

/// Plans a table from the commits since the newest recovery point; none when it has to be read whole.
pub(super) async fn follow(
    _scene: &Scene<'_>,
    _source: &Pinned,
    _target: &Target,
) -> Result<Option<TablePlan>, Stop> {
    Ok(None)
}
