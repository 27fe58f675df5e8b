use std::time::Duration;

use futures::future::join_all;
use lakedr_control::group_log::{FailureClass, History, WholeLog};
use lakedr_control::layout;
use lakedr_control::spec::{PublishEngine, SyncGroupSpec};
use lakedr_control::validate::{Publisher, SideName, ValidGroup, shared_services, sync_group};
use serde::Serialize;

use super::context::{CommandError, Context};
use super::snapshot::{self, Checked};
use crate::delta::feature::{caveats, gate};
use crate::delta::state::TableHead;
use crate::error::{At as _, Classify as _, Failure, Stage, chain};
use crate::exit::Exit;
use crate::notify::reachable;
use crate::observe::choice::{Runs, runs};
use crate::observe::lag::{pace, rpo_lag};
use crate::observe::source::Unsupported;
use crate::observe::table_error::TableError;
use crate::other_region::{OtherRegion, other_region};
use crate::pipeline::{Asked, Leg, Scene, Stop, legs};
use crate::plan::retention::too_short;
use crate::publish::warehouse_tables;
use crate::report::GroupReport;
use crate::services::unusable;
use crate::spec::{Loaded, TableStore, apart};

#[derive(Serialize)]
struct Document {
    groups: Vec<GroupFindings>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    schedules: Vec<Checked>,
}

#[derive(Serialize)]
struct GroupFindings {
    group: String,
    valid: bool,
    problems: Vec<Finding>,
    warnings: Vec<String>,
    #[serde(skip)]
    exit: Exit,
}

#[derive(Serialize)]
struct Finding {
    class: String,
    message: String,
}

/// `lakedr validate`: all mistakes at once.
pub(super) async fn run(context: &Context) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    // those that were not asked for, too
    let all: Vec<ValidGroup> =
        loaded.specs.sync_groups.iter().filter_map(|spec| sync_group(spec).ok()).collect();
    let checks = loaded.groups.iter().map(|(spec, group)| check(context, &loaded, &all, (spec, group)));
    let groups = join_all(checks).await;
    let document = Document { groups, schedules: snapshot::check(context, &loaded).await? };
    context.output.write(&document, || text(&document))?;
    let exits = document.groups.iter().map(|group| group.exit);
    Ok(Exit::of_all(exits.chain(document.schedules.iter().map(Checked::exit))))
}

#[derive(Default)]
struct Findings {
    failures: Vec<Failure>,
    warnings: Vec<String>,
}

impl Findings {
    fn take<T>(&mut self, result: Result<T, Failure>) -> Option<T> {
        result.map_err(|failure| self.failures.push(failure)).ok()
    }
}

async fn check(
    context: &Context,
    loaded: &Loaded,
    all: &[ValidGroup],
    (spec, group): (&SyncGroupSpec, &ValidGroup),
) -> GroupFindings {
    let mut findings = Findings { warnings: not_carried_out(spec), ..Findings::default() };
    findings.warnings.extend(shared_services(group, all).iter().map(ToString::to_string));
    if let Some(scene) = findings.take(Scene::open(&context.world, loaded, spec, group).await) {
        let other_region = other_region(&scene, loaded, spec).await;
        findings.warnings.extend(other_region.iter().flat_map(OtherRegion::warnings));
        look(&scene, &mut findings).await;
    }
    let reports: Vec<GroupReport> =
        findings.failures.iter().map(|f| GroupReport::failed(&group.name, f)).collect();
    let exit = Exit::of_all(reports.iter().map(GroupReport::exit));
    let problems: Vec<Finding> = reports
        .into_iter()
        .filter_map(|report| report.error)
        .map(|error| Finding { class: error.r#type, message: error.message })
        .collect();
    GroupFindings {
        group: group.name.to_string(),
        valid: problems.is_empty(),
        problems,
        warnings: findings.warnings,
        exit,
    }
}

/// What is declared and has no effect yet.
fn not_carried_out(spec: &SyncGroupSpec) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut idle =
        |what: String| warnings.push(format!("{what}, which this version of lakedr does not carry out"));
    let by_job = spec.workflow.as_ref().is_some_and(|workflow| workflow.databricks_job.is_some());
    let by_warehouse = spec.publish.engine == PublishEngine::DatabricksSql;
    let services = spec.services.clone().unwrap_or_default();
    let sides =
        [("primary", &spec.primary, services.primary), ("secondary", &spec.secondary, services.secondary)];
    for (side, declared, services) in sides {
        if declared.workspace.is_some() && !by_job && !by_warehouse && services.is_none() {
            idle(format!("{side}.workspace is declared"));
        }
    }
    warnings
}

async fn look(scene: &Scene<'_>, findings: &mut Findings) {
    findings.warnings.extend(targets(scene).await);
    for side in SideName::BOTH {
        let location = scene.group.side(side).location.clone();
        let listed = scene.stores.location(side).list(&layout::probes()).await;
        findings.take(listed.at(Stage::Observe, format_args!("external location {location}")));
    }
    findings.warnings.extend(unusable(scene).await);
    let Some(WholeLog { history, .. }) =
        findings.take(scene.log.read_all().await.at(Stage::Observe, &scene.group.name))
    else {
        return;
    };
    let legs = legs(Asked::Sync, scene.group.delivery, scene.here(&history));
    if legs.is_ok_and(|legs| legs == [Leg::Receive]) {
        // what is in the other region is for the sender to check
        findings.take(standby(scene, &history).await);
        return;
    }
    let runs = findings.take(runs(scene, &history).await).flatten();
    let sources = scene.stores.sources(scene.active(&history), scene.group).await;
    let sources = findings.take(sources.at(Stage::Observe, &scene.group.name));
    let targets = if legs.is_ok_and(|legs| legs == [Leg::Send]) {
        scene.stores.landing(scene.standby(&history), scene.group)
    } else {
        scene.stores.targets(scene.standby(&history), scene.group).await
    };
    let targets = findings.take(targets.at(Stage::Observe, &scene.group.name));
    let Some(sources) = sources else { return };
    if let Some(targets) = targets {
        findings.take(apart(&sources, &targets).at(Stage::Observe, &scene.group.name));
    }
    let pace = pace(scene, &history, runs.as_ref(), waiting(scene, &history, runs.as_ref()).await);
    for (source, state) in sources.iter().zip(join_all(sources.iter().map(table)).await) {
        if let Some(state) = findings.take(state) {
            let short = too_short(&source.name, &state.metadata, pace);
            findings.warnings.extend(short.iter().map(ToString::to_string));
            let caveats = caveats(&state).into_iter().map(|caveat| format!("{}: {caveat}", source.name));
            findings.warnings.extend(caveats);
        }
    }
}

/// How long something has been waiting to be copied.
async fn waiting(scene: &Scene<'_>, history: &History, runs: Option<&Runs>) -> Duration {
    let point = history.state.as_ref().and_then(|state| state.recovery_point());
    if runs.is_some_and(|runs| runs.behind(point.map(|point| &point.cut)) == 0) {
        return Duration::ZERO;
    }
    rpo_lag(scene, history).await.unwrap_or_default()
}

/// Declared targets that could not be told. No sync fails for them, so they are warnings.
async fn targets(scene: &Scene<'_>) -> Vec<String> {
    let targets = scene.group.notifications.targets();
    let checks = targets.into_iter().map(|target| reachable(target, &scene.secrets));
    let told = join_all(checks).await.into_iter().filter_map(Result::err);
    told.map(|error| format!("notifications: {}", chain(&error))).collect()
}

/// Whether the receiver reaches the landing area and the tables of the standby region.
async fn standby(scene: &Scene<'_>, history: &History) -> Result<(), Failure> {
    let (name, side) = (&scene.group.name, scene.standby(history));
    let landing = scene.stores.landing(side, scene.group).at(Stage::Observe, name)?;
    if scene.group.publisher != Publisher::Native {
        listed(&landing).await?;
        return match warehouse_tables(scene, history).await {
            Err(Stop::Failed(failure)) => Err(failure),
            // what a table holds is for `sync` to judge
            Ok(_) | Err(Stop::Refused(_)) => Ok(()),
        };
    }
    let targets = scene.stores.targets(side, scene.group).await.at(Stage::Observe, name)?;
    apart(&landing, &targets).at(Stage::Observe, name)?;
    listed(&landing).await.and(listed(&targets).await)
}

async fn listed(tables: &[TableStore]) -> Result<(), Failure> {
    for table in tables {
        match table.table().listing().await {
            Ok(_) | Err(TableError::NotATable { .. }) => {}
            Err(error) => return Err(error.at(Stage::Observe, &table.name)),
        }
    }
    Ok(())
}

async fn table(source: &TableStore) -> Result<TableHead, Failure> {
    let observed = |error: TableError| {
        let mut failure = error.at(Stage::Observe, &source.name);
        // before the first sync a table that is not there is a mistake of the specification
        if matches!(failure.cause.downcast_ref(), Some(TableError::NotATable { .. })) {
            failure.class = FailureClass::Configuration;
        }
        failure
    };
    let delta = source.table();
    let listing = delta.listing().await.map_err(observed)?;
    let state = delta.snapshot(&listing, None).await.map_err(observed)?.head;
    gate(&state, &source.exceptions(&listing)).map_err(Unsupported::new).at(Stage::Observe, &source.name)?;
    Ok(state)
}

fn text(document: &Document) -> String {
    if document.groups.is_empty() && document.schedules.is_empty() {
        return "valid; there are no sync groups".to_owned();
    }
    let mut lines = Vec::new();
    for group in &document.groups {
        lines.push(format!("{}: {}", group.group, if group.valid { "valid" } else { "NOT valid" }));
        lines
            .extend(group.problems.iter().map(|problem| format!("  {}: {}", problem.class, problem.message)));
        lines.extend(group.warnings.iter().map(|warning| format!("  warning: {warning}")));
    }
    lines.extend(document.schedules.iter().map(Checked::text));
    lines.join("\n")
}
