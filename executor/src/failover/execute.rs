//! Carrying out an approved plan for one group: finish what is open, change the roles, stop what ran in the region that is
//! left, look at the tables of the one that takes over, start what runs there.
//!
//! Every step may be cut short: the same call again goes on where it stopped.

use std::time::{Duration, Instant};

use futures::future::{join, try_join_all};
use lakedr_control::group_log::{Appended, ApprovedPlan, Event, GroupState, History, Role};

use super::basis::Kind;
use super::check::{SAMPLE, TableCheck, check};
use super::hand_over::{HandedOver, start, stop};
use super::loss::look;
use super::refusal::{SwitchRefusal, as_it_is};
use super::report::{Step, Switched, millis};
use super::survey::{in_the_way, part, refused, standby_problems, would_lose};
use crate::error::{At as _, Classify as _, Failure, Stage};
use crate::exit::Exit;
use crate::pipeline::Scene;
use crate::publish::settle;
use crate::report::GroupReport;
use crate::services::ServiceOutcome;

/// Races with other executors before they count as a reason to stop.
const RACES: usize = 8;

/// The step that comes before all others of a failback.
pub const SYNC: &str = "sync";

/// A plan that somebody approved.
#[derive(Debug, Clone, Copy)]
pub struct Approved<'a> {
    /// How the roles change.
    pub kind: Kind,
    /// Id of the plan.
    pub plan: &'a str,
    /// Who approved it.
    pub by: &'a str,
}

/// Where a group stands to a plan.
#[derive(Debug)]
pub struct Standing {
    /// The group, in words.
    pub described: String,
    /// Whether the plan has changed its roles.
    pub switched: bool,
    /// Its part of the plan's id: what the log keeps if the plan has changed its roles, else what it is.
    pub part: String,
}

/// Where a group stands to a plan; none when it has no log.
///
/// # Errors
/// When the log cannot be read.
pub async fn standing(scene: &Scene<'_>, approved: Approved<'_>) -> Result<Option<Standing>, Failure> {
    let history = scene.log.read().await.at(Stage::Observe, &scene.group.name)?;
    let Some(state) = &history.state else { return Ok(None) };
    let carried_out = carried_out_by(state, approved.plan);
    let part = match carried_out {
        Some(plan) => plan.part.clone(),
        None => part(scene, approved.kind, state)?,
    };
    let described = as_it_is(scene.group.name.as_str(), state);
    Ok(Some(Standing { described, switched: carried_out.is_some(), part }))
}

fn carried_out_by<'a>(state: &'a GroupState, plan: &str) -> Option<&'a ApprovedPlan> {
    state.role_change.as_ref()?.plan.as_ref().filter(|approved| approved.id == plan)
}

/// Why the steps of a group end before the last.
#[derive(Debug)]
enum Stopped {
    By(Box<GroupReport>),
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What has been done so far.
struct Course<'a> {
    scene: &'a Scene<'a>,
    approved: Approved<'a>,
    /// What the steps before this call of [`execute`] took.
    before_ms: u64,
    steps: Vec<Step>,
    tables: Vec<TableCheck>,
    services: Vec<ServiceOutcome>,
    state: Option<GroupState>,
}

/// Carries out a plan for one group, of which it has this part. `before` are the steps that were done for it already.
pub async fn execute(scene: &Scene<'_>, approved: Approved<'_>, part: &str, before: Vec<Step>) -> Switched {
    let begun = Instant::now();
    let before_ms = before.iter().map(|step| step.took_ms).sum();
    let (tables, services) = (Vec::new(), Vec::new());
    let mut course = Course { scene, approved, before_ms, steps: before, tables, services, state: None };
    let ended = Box::pin(course.run(part)).await;
    let error = match ended {
        Ok(()) => None,
        Err(Stopped::By(report)) => Some(*report),
        Err(Stopped::Failed(failure)) => Some(GroupReport::failed(&scene.group.name, &failure)),
    };
    course.report(begun, error)
}

impl Course<'_> {
    async fn run(&mut self, part: &str) -> Result<(), Stopped> {
        let history = Box::pin(self.switch(part)).await?;
        // a service that cannot be reached keeps nobody from looking at the tables
        let (stopped, checked) = join(stop(self.scene, history.clone()), self.check(&history)).await;
        let history = match stopped {
            Ok(stopped) => Ok(self.handed_over(stopped)),
            Err(failure) => Err(failure),
        };
        let (tables, step) = checked?;
        self.tables = tables;
        self.steps.extend(step);
        let history = history?;
        // nothing begins to write to a copy that is not as it should be
        if self.tables.iter().all(TableCheck::is_usable) {
            let started = start(self.scene, history).await?;
            self.handed_over(started);
        }
        Ok(())
    }

    fn handed_over(&mut self, handed_over: HandedOver) -> History {
        self.steps.extend(handed_over.step);
        self.services.extend(handed_over.outcomes);
        self.state = handed_over.history.state.clone();
        handed_over.history
    }

    /// Settles and appends `role`, unless this plan has done so.
    async fn switch(&mut self, part: &str) -> Result<History, Stopped> {
        for _ in 0..RACES {
            let name = &self.scene.group.name;
            let history = self.scene.log.read().await.at(Stage::Observe, name)?;
            if let Some(state) = &history.state
                && let Some(change) = &state.role_change
                && carried_out_by(state, self.approved.plan).is_some()
            {
                let result = format!("done before, by entry {}", change.seq);
                self.state = Some(state.clone());
                self.done("role", Instant::now(), result);
                return Ok(history);
            }
            let history = self.settle(history).await?;
            self.may_switch(&history, part).await?;
            if let Some(history) = self.append(history).await? {
                return Ok(history);
            }
        }
        let failure = Busy.at(Stage::Publish, &self.scene.group.name);
        Err(Stopped::Failed(failure))
    }

    /// Finishes an open intent: its bodies and files are all in the standby region.
    async fn settle(&mut self, history: History) -> Result<History, Stopped> {
        let open = history.state.as_ref().and_then(|state| state.open_intent.as_ref()).map(|open| open.seq);
        let Some(open) = open else { return Ok(history) };
        let begun = Instant::now();
        let settled = Box::pin(settle(self.scene, history)).await?;
        if let Some(refusal) = settled.diverged {
            return Err(self.refused(&SwitchRefusal::Group(refusal)));
        }
        if let Some(failure) = settled.failed {
            return Err(failure.into());
        }
        self.done("settle", begun, format!("intent {open} is published"));
        Ok(settled.history)
    }

    /// Refuses to change the roles on anything else than what was approved.
    async fn may_switch(&self, history: &History, approved_part: &str) -> Result<(), Stopped> {
        let Some(state) = &history.state else { return Err(self.refused(&SwitchRefusal::NoRecoveryPoint)) };
        let Approved { kind, plan, .. } = self.approved;
        if part(self.scene, kind, state)? != approved_part {
            let found = as_it_is(self.scene.group.name.as_str(), state);
            return Err(self.refused(&SwitchRefusal::StalePlan { plan: plan.to_owned(), kind, found }));
        }
        if let Some(refusal) = in_the_way(self.scene, kind, state).first() {
            return Err(self.refused(refusal));
        }
        if let Some(problem) = standby_problems(self.scene, history).await.into_iter().next() {
            return Err(Stopped::By(Box::new(problem)));
        }
        if kind == Kind::Failback {
            let held = state.held();
            let seen = look(self.scene, history).await;
            if let Some(refusal) = would_lose(state, &seen, held.as_deref()).first() {
                return Err(self.refused(refusal));
            }
        }
        Ok(())
    }

    async fn append(&mut self, history: History) -> Result<Option<History>, Stopped> {
        let begun = Instant::now();
        let (scene, Some(state)) = (self.scene, &history.state) else { return Ok(None) };
        let role = Role { active: state.role.standby.clone(), standby: state.role.active.clone() };
        let plan =
            ApprovedPlan { id: self.approved.plan.to_owned(), part: part(scene, self.approved.kind, state)? };
        let event = Event::Role {
            role,
            from: state.recovery_point().map(|point| point.seq),
            approved_by: self.approved.by.to_owned(),
            plan: Some(plan),
        };
        let appended = scene.log.append(history, event, scene.world.now(), scene.world.author.clone()).await;
        let Appended::Done(history) = appended.at(Stage::Publish, &scene.group.name)? else {
            return Ok(None);
        };
        self.state = history.state.clone();
        let seq = history.state.as_ref().map(GroupState::seq).unwrap_or_default();
        self.done("role", begun, format!("entry {seq}"));
        Ok(Some(*history))
    }

    /// Looks at every table of the region that is active.
    async fn check(&self, history: &History) -> Result<(Vec<TableCheck>, Option<Step>), Failure> {
        let begun = Instant::now();
        let (scene, name) = (self.scene, &self.scene.group.name);
        let Some(held) = history.state.as_ref().and_then(GroupState::held) else {
            return Ok((Vec::new(), None));
        };
        let tables =
            scene.stores.sources(scene.active(history), scene.group).await.at(Stage::Verify, name)?;
        let checks = tables.iter().filter_map(|table| Some((table, held.table(&table.name)?)));
        let checks = checks.map(|(table, held)| async move {
            check(table, held.source_version, SAMPLE).await.at(Stage::Verify, &table.name)
        });
        let tables = try_join_all(checks).await?;
        let usable = tables.iter().filter(|table| table.is_usable()).count();
        let files: u64 = tables.iter().map(|table| table.files).sum();
        let result = format!("{usable} of {} table(s) usable, {files} file(s) looked at", tables.len());
        let step = Step { step: "check", took_ms: millis(begun), result };
        Ok((tables, Some(step)))
    }

    fn refused(&self, refusal: &SwitchRefusal) -> Stopped {
        Stopped::By(Box::new(refused(self.scene, refusal)))
    }

    fn done(&mut self, step: &'static str, begun: Instant, result: String) {
        self.steps.push(Step { step, took_ms: millis(begun), result });
    }

    fn report(self, begun: Instant, error: Option<GroupReport>) -> Switched {
        let Self { scene, before_ms, steps, tables, services, state, .. } = self;
        let total_ms = before_ms + millis(begun);
        let target = scene.group.rto_target;
        let change = state.as_ref().and_then(|state| state.role_change.clone());
        let mut switched = Switched {
            group: scene.group.name.to_string(),
            switched: state.is_some(),
            seq: change.as_ref().map(|change| change.seq),
            epoch: state.as_ref().map(|state| state.epoch),
            active_region: state.as_ref().map(|state| state.role.active.clone()),
            standby_region: state.as_ref().map(|state| state.role.standby.clone()),
            approved_by: change.map(|change| change.approved_by),
            recovery_point: state.as_ref().and_then(|state| state.recovery_point().cloned()),
            steps,
            tables,
            services,
            total_ms,
            rto_target_seconds: target.map(|target| target.as_secs()),
            rto_met: None,
            error,
        };
        let in_time = |target: Duration| u128::from(total_ms) <= target.as_millis();
        switched.rto_met = target.map(|target| switched.exit() == Exit::Ok && in_time(target));
        switched
    }
}

/// Other executors were faster again and again.
#[derive(Debug, thiserror::Error)]
#[error(
    "other executors wrote to the group log {RACES} times in a row; stop all but one of them, then try again with the same plan"
)]
struct Busy;

impl crate::error::Classify for Busy {
    fn class(&self) -> lakedr_control::group_log::FailureClass {
        lakedr_control::group_log::FailureClass::Unreachable
    }
}
