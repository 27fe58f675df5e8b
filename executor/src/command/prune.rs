use futures::stream::{self, StreamExt as _};
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::exit::Exit;
use crate::pipeline::{Scene, Stop};
use crate::prune::{PruneReport, prune_group};
use crate::report::GroupReport;

/// Groups that are pruned at the same time: each holds in memory what is needed of one of its tables.
const GROUPS_IN_FLIGHT: usize = 2;

#[derive(Serialize)]
struct Document {
    groups: Vec<OfGroup>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OfGroup {
    Pruned(PruneReport),
    Stopped(Box<GroupReport>),
}

/// `lakedr prune`
pub(super) async fn run(context: &Context, dry_run: bool) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let prunes = loaded.groups.iter().map(|(spec, group)| async {
        let pruned = async {
            let scene = Scene::open(&context.world, &loaded, spec, group).await?;
            prune_group(&scene, context.world.now(), dry_run).await
        };
        match pruned.await {
            Ok(report) => OfGroup::Pruned(report),
            Err(Stop::Refused(refusal)) => {
                OfGroup::Stopped(Box::new(GroupReport::refused(&group.name, &refusal)))
            }
            Err(Stop::Failed(failure)) => {
                OfGroup::Stopped(Box::new(GroupReport::failed(&group.name, &failure)))
            }
        }
    });
    let prunes: Vec<_> = prunes.collect();
    let document = Document { groups: stream::iter(prunes).buffered(GROUPS_IN_FLIGHT).collect().await };
    let text = |of_group: &OfGroup| match of_group {
        OfGroup::Pruned(report) => report.text(dry_run),
        OfGroup::Stopped(report) => report.text(),
    };
    context.output.write(&document, || document.groups.iter().map(text).collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::of_all(document.groups.iter().map(|of_group| match of_group {
        OfGroup::Pruned(report) => report.exit(),
        OfGroup::Stopped(report) => report.exit(),
    })))
}
