use futures::future::join_all;
use lakedr_control::group_log::History;
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::ValidGroup;

use super::context::{CommandError, Context};
use super::sync::report;
use crate::delta::feature::caveats;
use crate::error::{At as _, Stage};
use crate::exit::Exit;
use crate::observe::choice::runs;
use crate::observe::lag::{age, pace};
use crate::pipeline::{Asked, Leg, Prepared, Scene, Stop, legs, prepare, to_clone};
use crate::plan::group::GroupPlan;
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
    let mut scene = Scene::open(&context.world, loaded, spec, group).await?;
    let history = scene.log.read().await.at(Stage::Observe, &group.name)?;
    let legs = legs(Asked::Sync, group.delivery, scene.here(&history)).at(Stage::Spec, &group.name)?;
    for leg in legs {
        scene = scene.on(*leg);
        if scene.is_cloned_by_warehouse() {
            match to_clone(&scene, &history).await? {
                Some(cloning) => return Ok(GroupReport::planned(&group.name, &history, cloning.cut, None)),
                None => continue,
            }
        }
        let Prepared::Plan(plan) = prepare(&scene, &history).await? else { continue };
        warn_of_retention(&scene, &history, &plan).await;
        for table in &plan.tables {
            for caveat in caveats(&table.source.head) {
                tracing::warn!(table = %table.name(), "{caveat}");
            }
        }
        // what has landed is in the region already
        let cost = plan.cost(group.egress_price_per_gib).filter(|_| *leg != Leg::Receive);
        return Ok(GroupReport::planned(&group.name, &history, plan.cut, cost));
    }
    Ok(GroupReport::done(&group.name, Done::new(Outcome::UpToDate, &history)))
}

/// Retentions of the source tables that are too short. What has landed waits for nothing.
async fn warn_of_retention(scene: &Scene<'_>, history: &History, plan: &GroupPlan) {
    if scene.leg == Leg::Receive {
        return;
    }
    let runs = runs(scene, history).await.ok().flatten();
    let pace = pace(scene, history, runs.as_ref(), age(scene, history).unwrap_or_default());
    let short =
        plan.tables.iter().flat_map(|table| too_short(table.name(), &table.source.head.metadata, pace));
    for short in short {
        tracing::warn!("{short}");
    }
}
