use futures::future::join_all;
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::ValidGroup;

use super::context::{CommandError, Context};
use super::sync::report;
use crate::delta::feature::caveats;
use crate::error::{At as _, Stage};
use crate::exit::Exit;
use crate::observe::choice::runs;
use crate::observe::lag::{age, pace};
use crate::pipeline::{Prepared, Scene, Stop, prepare};
use crate::plan::retention::too_short;
use crate::report::{Done, GroupReport, Outcome};
use crate::spec::Loaded;

/// `lakedr plan`
pub(super) async fn run(context: &Context) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let plans = loaded.groups.iter().map(|(spec, group)| async {
        match plan(context, &loaded, spec, group).await {
            Ok(report) => report,
            Err(Stop::Refused(refusal)) => GroupReport::refused(&group.name, &refusal),
            Err(Stop::Failed(failure)) => GroupReport::failed(&group.name, &failure),
        }
    });
    report(context, &join_all(plans).await)
}

async fn plan(
    context: &Context,
    loaded: &Loaded,
    spec: &SyncGroupSpec,
    group: &ValidGroup,
) -> Result<GroupReport, Stop> {
    let scene = Scene::open(&context.world, loaded, spec, group).await?;
    let history = scene.log.read().await.at(Stage::Observe, &group.name)?;
    Ok(match prepare(&scene, &history).await? {
        Prepared::UpToDate => GroupReport::done(&group.name, Done::new(Outcome::UpToDate, &history)),
        Prepared::Plan(plan) => {
            let runs = runs(&scene, &history).await.ok().flatten();
            let waiting = age(&scene, &history).unwrap_or_default();
            let pace = pace(&scene, &history, runs.as_ref(), waiting);
            for table in &plan.tables {
                for short in too_short(table.name(), &table.source.head.metadata, pace) {
                    tracing::warn!("{short}");
                }
                for caveat in caveats(&table.source.head) {
                    tracing::warn!(table = %table.name(), "{caveat}");
                }
            }
            let cost = plan.cost(group.egress_price_per_gib);
            GroupReport::planned(&group.name, &history, plan.cut, cost)
        }
    })
}
