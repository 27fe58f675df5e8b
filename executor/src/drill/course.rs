//! The steps of a drill. One that fails is a finding, and the drill goes on as far as it makes sense.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use lakedr_control::drill::{
    DrillReport, DrillStep, DrillValidation, DrilledPoint, DrilledService, DrilledTable, FORMAT,
    PreviousDrill,
};
use lakedr_control::group_log::{FailureClass, GroupState, History, RecoveryPoint};
use lakedr_control::layout;
use lakedr_control::validate::SideName;

use super::clean::remove;
use super::copied::copy;
use super::validation::{Asked, CopiedTable, ValidationRequest, validate};
use crate::error::{At as _, Failure, Stage, chain};
use crate::failover::{SAMPLE, TableCheck, check, standby_problems};
use crate::pipeline::Scene;
use crate::report::{Progress, bytes_text};
use crate::services::answers;

/// What a drill rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Basis<'a> {
    pub(super) history: &'a History,
    pub(super) state: &'a GroupState,
    pub(super) point: &'a RecoveryPoint,
    /// Number of the drill.
    pub(super) drill: u64,
    /// When it began.
    pub(super) begun_at: DateTime<Utc>,
    /// Age of the recovery point by then.
    pub(super) rpo: Duration,
}

/// What has been done and found so far.
#[derive(Debug)]
pub(super) struct Course<'a> {
    scene: &'a Scene<'a>,
    basis: Basis<'a>,
    asked: &'a Asked,
    standby: SideName,
    steps: Vec<DrillStep>,
    tables: Vec<DrilledTable>,
    services: Vec<DrilledService>,
    validation: Option<DrillValidation>,
    problems: Vec<String>,
    warnings: Vec<String>,
    removed: Vec<u64>,
    /// Classes of what failed.
    pub(super) failed: Vec<FailureClass>,
}

impl<'a> Course<'a> {
    /// A drill whose log has been read, which took so long.
    pub(super) fn new(scene: &'a Scene<'a>, basis: Basis<'a>, asked: &'a Asked, read: Duration) -> Self {
        let mut course = Self {
            scene,
            basis,
            asked,
            standby: scene.standby(basis.history),
            steps: Vec::new(),
            tables: Vec::new(),
            services: Vec::new(),
            validation: None,
            problems: Vec::new(),
            warnings: asked.warnings.clone(),
            removed: Vec::new(),
            failed: Vec::new(),
        };
        course.step("log", read, true, format!("recovery point: entry {}", basis.point.seq));
        course.look_around();
        course
    }

    /// All steps. `leftovers` are earlier drills whose copies were left.
    pub(super) async fn run(&mut self, leftovers: &[u64], progress: &Progress) {
        for drill in leftovers {
            self.clean(*drill).await;
        }
        self.check().await;
        self.look_at_services().await;
        if self.problems.is_empty() && self.tables.iter().all(|table| table.problems.is_empty()) {
            if let Some(tables) = self.copy(progress).await {
                self.validate(&tables).await;
            }
            if !self.asked.keep {
                self.clean(self.basis.drill).await;
            }
        } else if self.asked.validate.is_some() {
            self.warnings
                .push("nothing was copied and judged: the tables are not as they should be".to_owned());
        }
    }

    /// What the log says besides.
    fn look_around(&mut self) {
        let state = self.basis.state;
        if let Some(open) = &state.open_intent {
            let holds = open.cut.describe();
            self.warnings.push(format!(
                "intent {} is not finished; a failover would finish it first and go on from {holds}",
                open.seq
            ));
        }
        if state.spec_digest != self.scene.spec_digest {
            self.warnings.push("the specification changed since the recovery point".to_owned());
        }
    }

    /// Looks at the tables in their place, as a failover does.
    async fn check(&mut self) {
        let begun = Instant::now();
        self.look_for_foreign_commits().await;
        let checked = self.checked().await;
        let Some(checks) = self.or_problem(checked) else {
            return self.step("check", begun.elapsed(), true, "failed");
        };
        let usable = checks.iter().filter(|table| table.is_usable()).count();
        let files: u64 = checks.iter().map(|table| table.files).sum();
        let result = format!("{usable} of {} table(s) usable, {files} file(s) looked at", checks.len());
        self.tables = checks.into_iter().map(drilled_table).collect();
        self.step("check", begun.elapsed(), true, result);
    }

    /// Whether the tables are where the recovery point left them. What another executor publishes meanwhile is no problem: the
    /// versions of the point stay as they are.
    async fn look_for_foreign_commits(&mut self) {
        let Basis { history, state, .. } = self.basis;
        if state.open_intent.is_some() {
            return;
        }
        let found = standby_problems(self.scene, history).await;
        if found.is_empty() {
            return;
        }
        let later = self.scene.log.read().await.ok().and_then(|later| later.state);
        if later.is_some_and(|later| later.seq() != state.seq()) {
            self.warnings.push(
                "another executor carried on the group log meanwhile; this is about the point before"
                    .to_owned(),
            );
            return;
        }
        self.problems.extend(found.into_iter().filter_map(|report| Some(report.error?.message)));
    }

    async fn checked(&self) -> Result<Vec<TableCheck>, Failure> {
        let (scene, name) = (self.scene, &self.scene.group.name);
        let tables = scene.stores.sources(self.standby, scene.group).await.at(Stage::Verify, name)?;
        let held = tables.iter().filter_map(|table| {
            Some((table, self.basis.state.standby_version(self.basis.point, &table.name)?))
        });
        let checks = held.map(|(table, version)| async move {
            check(table, version, SAMPLE).await.at(Stage::Verify, &table.name)
        });
        try_join_all(checks).await
    }

    async fn look_at_services(&mut self) {
        if self.scene.group.services.of(self.standby).is_empty() {
            return;
        }
        let begun = Instant::now();
        let services = answers(self.scene, self.standby).await;
        let answer = services.iter().filter(|service| service.problem.is_none()).count();
        let result = format!("{answer} of {} service(s) answer; none was started", services.len());
        let drilled = services
            .into_iter()
            .map(|answer| DrilledService { service: answer.service, problem: answer.problem });
        self.services = drilled.collect();
        self.step("services", begun.elapsed(), true, result);
    }

    async fn copy(&mut self, progress: &Progress) -> Option<Vec<CopiedTable>> {
        let begun = Instant::now();
        let Basis { state, point, drill, .. } = self.basis;
        let copied = copy(self.scene, (self.standby, state, point), drill, progress).await;
        let copied = self.or_problem(copied);
        let bytes = bytes_text(self.tables.iter().map(|table| table.bytes).sum());
        let result = match &copied {
            Some(tables) => format!("{} table(s), {bytes}, copied aside and read back", tables.len()),
            None => "failed".to_owned(),
        };
        self.step("copy", begun.elapsed(), false, result);
        copied
    }

    async fn validate(&mut self, tables: &[CopiedTable]) {
        let Some(command) = &self.asked.validate else { return };
        let begun = Instant::now();
        let (group, region) = (&self.scene.group.name, &self.scene.group.side(self.standby).region);
        let about = (group.as_str(), self.basis.drill, region.as_str());
        let point = drilled_point(self.basis.point);
        let request = ValidationRequest::new(about, &point, tables);
        let validation = validate(self.asked, command, &request).await;
        self.step("validate", begun.elapsed(), true, validation.ended.clone());
        self.validation = Some(validation);
    }

    /// Removes the copy of a drill.
    async fn clean(&mut self, drill: u64) {
        let begun = Instant::now();
        let folder = layout::drill_copy(&self.scene.group.name, drill);
        let removed = async {
            let folder = self.scene.stores.below_location(self.standby, &folder);
            let folder = folder.at(Stage::Record, &self.scene.group.name)?;
            remove(&folder).await.at(Stage::Record, &self.scene.group.name)
        };
        let result = match removed.await {
            Ok(objects) => {
                if drill != self.basis.drill {
                    self.removed.push(drill);
                }
                format!("{objects} object(s) of drill {drill} removed")
            }
            Err(failure) => {
                let why = chain(&failure);
                self.warnings.push(format!(
                    "the copy of drill {drill} is not removed whole, the next drill tries again: {why}"
                ));
                "failed".to_owned()
            }
        };
        self.step("clean", begun.elapsed(), false, result);
    }

    fn step(&mut self, step: &str, took: Duration, counts: bool, result: impl Into<String>) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.steps.push(DrillStep { step: step.to_owned(), took_ms, counts, result: result.into() });
    }

    fn or_problem<T>(&mut self, done: Result<T, Failure>) -> Option<T> {
        done.map_err(|failure| {
            self.failed.push(failure.class);
            self.problems.push(chain(&failure));
        })
        .ok()
    }

    /// The report, but for what follows from the rest of it.
    pub(super) fn report(self, previous: Option<PreviousDrill>) -> DrillReport {
        let Self { scene, basis, asked, standby, .. } = self;
        let (group, drill) = (scene.group, basis.drill);
        let seconds = |target: Option<Duration>| target.map(|target| target.as_secs());
        let copied = self.steps.iter().any(|step| step.step == "copy");
        let place = || scene.stores.below_location(standby, &layout::drill_copy(&group.name, drill));
        DrillReport {
            format: FORMAT,
            group: group.name.clone(),
            drill,
            region: group.side(standby).region.clone(),
            lost_region: group.side(standby.other()).region.clone(),
            epoch: basis.state.epoch,
            begun_at: basis.begun_at,
            ended_at: scene.world.now(),
            by: scene.world.author.clone(),
            previous,
            passed: false,
            last_passed_at: None,
            problems: self.problems,
            warnings: self.warnings,
            recovery_point: drilled_point(basis.point),
            rpo_seconds: basis.rpo.as_secs(),
            rpo_target_seconds: seconds(group.rpo_target),
            rpo_met: None,
            rto_ms: 0,
            rto_target_seconds: seconds(group.rto_target),
            rto_met: None,
            steps: self.steps,
            tables: self.tables,
            services: self.services,
            validation: self.validation,
            kept: (asked.keep && copied).then(|| place().ok()).flatten().map(|place| place.url.to_string()),
            removed: self.removed,
        }
    }
}

fn drilled_point(point: &RecoveryPoint) -> DrilledPoint {
    let cut = &point.cut;
    DrilledPoint { seq: point.seq, cut: cut.id.clone(), holds: cut.describe(), as_of: cut.as_of }
}

fn drilled_table(check: TableCheck) -> DrilledTable {
    let TableCheck { name, version, files, bytes, files_read, problems, .. } = check;
    DrilledTable { name, version, files, bytes, opened: files_read as u64, problems }
}
