use chrono::{DateTime, Utc};
use futures::future::join_all;
use lakedr_control::group_log::{FailureClass, GroupState};
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::time;
use lakedr_control::validate::ValidGroup;
use lakedr_control::verification::Verification;
use serde::Serialize;

use super::context::{CommandError, Context};
use super::drill_status::{DrillStatus, drill_status};
use super::recovery_points::{Point, last_proven};
use super::service_lines::ServiceLines;
use super::snapshot::{Watched, watch};
use crate::error::{At as _, Failure, Stage, chain};
use crate::exit::Exit;
use crate::observe::choice::runs;
use crate::observe::lag::{pace, recorded_retention, rpo_lag};
use crate::other_region::{OtherRegion, other_region};
use crate::pipeline::Scene;
use crate::report::{GroupReport, duration_text};
use crate::spec::Loaded;

#[derive(Serialize)]
struct Document {
    groups: Vec<GroupStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    schedules: Vec<Watched>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum GroupStatus {
    Known(Box<Known>),
    Unknown(Box<GroupReport>),
}

#[derive(Serialize)]
struct Known {
    group: String,
    active_region: String,
    standby_region: String,
    epoch: u64,
    recovery_point: Option<Point>,
    /// Now minus the end of the run that the newest recovery point holds; zero for a group without a workflow whose
    /// tables have not changed since.
    rpo_lag_seconds: Option<u64>,
    rpo_target_seconds: Option<u64>,
    /// Whether the lag is within the target; none without a target.
    rpo_met: Option<bool>,
    /// Finished runs that the newest recovery point does not hold; none without a workflow that can be read.
    runs_behind: Option<usize>,
    /// What the landing area holds; staged delivery only.
    #[serde(skip_serializing_if = "Option::is_none")]
    landed: Option<LandedCut>,
    paused_by: Option<String>,
    /// Whether the roles changed and nothing has been published to the region that is standby since.
    returning: bool,
    /// An intent that the next sync finishes.
    open_intent: Option<u64>,
    last_failure: Option<LastFailure>,
    /// Services that are not as a failover or failback wants them.
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<ServiceLines>,
    /// How the other region is declared, if its control store was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_region: Option<OtherRegion>,
    /// Whether the newest recovery point was made with the specification as it is.
    spec_is_current: bool,
    /// What `lakedr verify` found last, about the newest recovery point that it ever looked at.
    last_verified: Option<Verification>,
    /// The newest drill in the region that would take over.
    #[serde(skip_serializing_if = "Option::is_none")]
    drill: Option<DrillStatus>,
    /// What could not be found out, and why; and retentions of source tables that are too short.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct LandedCut {
    seq: u64,
    #[serde(with = "time::rfc3339_millis")]
    at: DateTime<Utc>,
    holds: String,
    published: bool,
}

impl LandedCut {
    fn of(state: &GroupState) -> Option<Self> {
        let landed = state.landed.as_ref()?;
        let (seq, at, holds) = (landed.seq, landed.at, landed.cut.describe());
        Some(Self { seq, at, holds, published: state.unpublished().is_none() })
    }
}

#[derive(Serialize)]
struct LastFailure {
    #[serde(with = "time::rfc3339_millis")]
    at: DateTime<Utc>,
    stage: String,
    class: FailureClass,
    message: String,
}

/// `lakedr status`
pub(super) async fn run(context: &Context) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let statuses = loaded.groups.iter().map(|(spec, group)| async {
        match status(context, &loaded, spec, group).await {
            Ok(known) => GroupStatus::Known(Box::new(known)),
            Err(failure) => GroupStatus::Unknown(Box::new(GroupReport::failed(&group.name, &failure))),
        }
    });
    let document = Document { groups: join_all(statuses).await, schedules: watch(context, &loaded).await? };
    let lines = || document.groups.iter().map(text).chain(document.schedules.iter().map(Watched::text));
    context.output.write(&document, || lines().collect::<Vec<_>>().join("\n"))?;
    let exits = document.groups.iter().map(|status| match status {
        // an RPO target that is missed is no success, whoever is to blame
        GroupStatus::Known(known) if known.rpo_met == Some(false) => Exit::Failed,
        GroupStatus::Known(_) => Exit::Ok,
        GroupStatus::Unknown(report) => report.exit(),
    });
    Ok(Exit::of_all(exits.chain(document.schedules.iter().map(Watched::exit))))
}

async fn status(
    context: &Context,
    loaded: &Loaded,
    spec: &SyncGroupSpec,
    group: &ValidGroup,
) -> Result<Known, Failure> {
    let scene = Scene::open(&context.world, loaded, spec, group).await?;
    let history = scene.log.read().await.at(Stage::Observe, &group.name)?;
    let state = history.state.as_ref();
    let point = state.and_then(GroupState::recovery_point);
    let mut warnings = Vec::new();
    let runs = runs(&scene, &history).await.unwrap_or_else(|failure| {
        warnings.push(chain(&failure));
        None
    });
    let runs_behind = runs.as_ref().map(|runs| runs.behind(point.map(|point| &point.cut)));
    let lag = rpo_lag(&scene, &history).await;
    let waiting = lag.filter(|_| runs_behind != Some(0)).unwrap_or_default();
    let retention =
        recorded_retention(&scene, &history, pace(&scene, &history, runs.as_ref(), waiting)).await;
    warnings.extend(retention.iter().flatten().map(ToString::to_string));
    let last_verified = scene.log.last_verification(&history).await.unwrap_or_else(|error| {
        warnings.push(chain(&error));
        None
    });
    let drill = drill_status(&scene, &history).await.unwrap_or_else(|error| {
        warnings.push(chain(&error));
        None
    });
    let other_region = other_region(&scene, loaded, spec).await;
    warnings.extend(other_region.iter().flat_map(OtherRegion::warnings));
    let side = |name| group.side(name).region.clone();
    Ok(Known {
        group: group.name.to_string(),
        active_region: side(scene.active(&history)),
        standby_region: side(scene.standby(&history)),
        epoch: state.map_or(lakedr_control::group_log::FIRST_EPOCH, |state| state.epoch),
        recovery_point: point.map(Point::from),
        rpo_lag_seconds: lag.map(|lag| lag.as_secs()),
        rpo_target_seconds: group.rpo_target.map(|target| target.as_secs()),
        rpo_met: group.rpo_target.map(|target| lag.is_some_and(|lag| lag <= target)),
        runs_behind,
        landed: state.and_then(LandedCut::of),
        paused_by: paused_by(group, state),
        returning: state.is_some_and(GroupState::is_returning),
        open_intent: state.and_then(|state| state.open_intent.as_ref()).map(|intent| intent.seq),
        last_failure: state.and_then(|state| state.last_failure.as_ref()).map(|failure| LastFailure {
            at: failure.at,
            stage: failure.stage.clone(),
            class: failure.class,
            message: failure.message.clone(),
        }),
        services: ServiceLines::of(&scene, &history),
        other_region,
        spec_is_current: state.is_none_or(|state| state.spec_digest == scene.spec_digest),
        last_verified,
        drill,
        warnings,
    })
}

fn paused_by(group: &ValidGroup, state: Option<&GroupState>) -> Option<String> {
    let operator = state.and_then(|state| state.paused_by.clone());
    operator.or_else(|| group.paused.then(|| "specification".to_owned()))
}

fn text(status: &GroupStatus) -> String {
    let known = match status {
        GroupStatus::Unknown(report) => return report.text(),
        GroupStatus::Known(known) => known,
    };
    let mut lines = vec![format!(
        "{}: active {}, standby {}, epoch {}",
        known.group, known.active_region, known.standby_region, known.epoch
    )];
    lines.push(match &known.recovery_point {
        Some(point) => format!("  recovery point: {}", point.describe()),
        None => "  recovery point: none yet".to_owned(),
    });
    if let Some(lag) = known.rpo_lag_seconds {
        let runs = known.runs_behind.map(|runs| format!(", {runs} run(s) behind")).unwrap_or_default();
        lines.push(format!("  RPO lag: {}{runs}", duration_text(std::time::Duration::from_secs(lag))));
    }
    if let (Some(target), Some(met)) = (known.rpo_target_seconds, known.rpo_met) {
        let met = if met { "met" } else { "MISSED" };
        lines
            .push(format!("  RPO target: {} ({met})", duration_text(std::time::Duration::from_secs(target))));
    }
    if let Some(landed) = &known.landed {
        let published = if landed.published { "published" } else { "not published yet" };
        lines.push(format!("  landed: {}, at {}, {published}", landed.holds, time::format(landed.at)));
    }
    if let Some(by) = &known.paused_by {
        lines.push(format!("  paused by {by}"));
    }
    if known.returning {
        lines.push(format!(
            "  NO second copy: nothing has been published to {} since it became the standby region",
            known.standby_region
        ));
    }
    if let Some(intent) = known.open_intent {
        lines.push(format!("  intent {intent} is not finished; the next sync finishes it"));
    }
    if !known.spec_is_current {
        lines.push("  the specification changed since the newest recovery point".to_owned());
    }
    if let Some(failure) = &known.last_failure {
        lines.push(format!("  last failure: {}, {}", time::format(failure.at), failure.message));
    }
    lines.extend(known.services.iter().flat_map(ServiceLines::lines));
    if let Some(point) = &known.recovery_point {
        let verified = known.last_verified.as_ref();
        let earlier = verified.filter(|verified| verified.seq != point.seq());
        let about = earlier.map(|earlier| format!(", entry {}", earlier.seq)).unwrap_or_default();
        lines.push(format!("  {}{about}", last_proven(verified)));
    }
    lines.extend(known.drill.as_ref().map(DrillStatus::line));
    lines.extend(known.warnings.iter().map(|warning| format!("  warning: {warning}")));
    lines.join("\n")
}
