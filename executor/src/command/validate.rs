use futures::future::join_all;
use lakedr_control::group_log::{FailureClass, History, WholeLog};
use lakedr_control::layout;
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::{Schedule, SideName, ValidGroup};
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::delta::feature::{caveats, gate};
use crate::delta::interval::milliseconds;
use crate::delta::state::TableHead;
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::exit::Exit;
use crate::observe::choice::runs;
use crate::observe::source::Unsupported;
use crate::observe::table_error::TableError;
use crate::pipeline::{Asked, Leg, Scene, carried_out, legs};
use crate::report::{GroupReport, duration_text};
use crate::spec::{Loaded, TableStore, apart};

#[derive(Serialize)]
struct Document {
    groups: Vec<GroupFindings>,
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
    let checks = loaded.groups.iter().map(|(spec, group)| check(context, &loaded, spec, group));
    let document = Document { groups: join_all(checks).await };
    context.output.write(&document, || text(&document))?;
    Ok(Exit::of_all(document.groups.iter().map(|group| group.exit)))
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
    spec: &SyncGroupSpec,
    group: &ValidGroup,
) -> GroupFindings {
    let mut findings = Findings { warnings: not_carried_out(loaded, spec), ..Findings::default() };
    if let Some(scene) = findings.take(Scene::open(&context.world, loaded, spec, group).await) {
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
fn not_carried_out(loaded: &Loaded, spec: &SyncGroupSpec) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut idle =
        |what: String| warnings.push(format!("{what}, which this version of lakedr does not carry out"));
    if spec.notifications.is_some() {
        idle("notifications are declared".to_owned());
    }
    let by_job = spec.workflow.as_ref().is_some_and(|workflow| workflow.databricks_job.is_some());
    for (side, declared) in [("primary", &spec.primary), ("secondary", &spec.secondary)] {
        if declared.workspace.is_some() && !by_job {
            idle(format!("{side}.workspace is declared"));
        }
    }
    for schedule in &loaded.specs.snapshot_schedules {
        if schedule.source.sync_group.as_deref() == Some(spec.name.as_str()) {
            idle(format!("snapshot schedule {:?} is declared for the group", schedule.name));
        }
    }
    warnings
}

async fn look(scene: &Scene<'_>, findings: &mut Findings) {
    findings.take(carried_out(scene));
    for side in [SideName::Primary, SideName::Secondary] {
        let location = scene.group.side(side).location.clone();
        let listed = scene.stores.location(side).list(&layout::probes()).await;
        findings.take(listed.at(Stage::Observe, format_args!("external location {location}")));
    }
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
    findings.take(runs(scene, &history).await);
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
    for (source, state) in sources.iter().zip(join_all(sources.iter().map(table)).await) {
        if let Some(state) = findings.take(state) {
            findings.warnings.extend(retention(scene, source, &state));
            let caveats = caveats(&state).into_iter().map(|caveat| format!("{}: {caveat}", source.name));
            findings.warnings.extend(caveats);
        }
    }
}

/// Whether the receiver reaches the landing area and the tables of the standby region.
async fn standby(scene: &Scene<'_>, history: &History) -> Result<(), Failure> {
    let (name, side) = (&scene.group.name, scene.standby(history));
    let landing = scene.stores.landing(side, scene.group).at(Stage::Observe, name)?;
    let targets = scene.stores.targets(side, scene.group).await.at(Stage::Observe, name)?;
    apart(&landing, &targets).at(Stage::Observe, name)?;
    for table in landing.iter().chain(&targets) {
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

/// A pinned version has to live until it is copied: warns when the schedule is slower than the retention.
fn retention(scene: &Scene<'_>, table: &TableStore, state: &TableHead) -> Vec<String> {
    let Some(Schedule::Interval(interval)) = &scene.group.schedule else { return Vec::new() };
    let limits = [
        ("delta.deletedFileRetentionDuration", "interval 7 days"),
        ("delta.logRetentionDuration", "interval 30 days"),
    ];
    let short = limits.into_iter().filter_map(|(key, default)| {
        let kept = milliseconds(state.metadata.property(key).unwrap_or(default))?;
        let kept = std::time::Duration::from_millis(u64::try_from(kept).ok()?);
        (kept <= *interval).then(|| {
            format!(
                "{}: {key} is {}, not longer than the schedule ({}); a version may be gone before it is copied",
                table.name,
                duration_text(kept),
                duration_text(*interval)
            )
        })
    });
    short.collect()
}

fn text(document: &Document) -> String {
    if document.groups.is_empty() {
        return "valid; there are no sync groups".to_owned();
    }
    let mut lines = Vec::new();
    for group in &document.groups {
        lines.push(format!("{}: {}", group.group, if group.valid { "valid" } else { "NOT valid" }));
        lines
            .extend(group.problems.iter().map(|problem| format!("  {}: {}", problem.class, problem.message)));
        lines.extend(group.warnings.iter().map(|warning| format!("  warning: {warning}")));
    }
    lines.join("\n")
}
