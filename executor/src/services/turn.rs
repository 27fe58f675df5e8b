//! Stopping and starting services, with the ledger.
//!
//! For each service: look; enter what was seen, and that something is about to be done; ask; look again until it is as it
//! should be or patience ends; enter what changed. The entry before the act is what makes it safe: an executor that was
//! paused since it read the log loses the race for that entry, reads that the roles have changed, and touches nothing.

use std::time::Duration;

use futures::future::join_all;
use lakedr_control::group_log::{Appended, Event, FailureClass, History, Power, ServiceRecord};
use lakedr_control::validate::{ServiceKind, SideName, SideService};
use tokio::time::{Instant, sleep, timeout};

use super::decide::{Todo, due, todo};
use super::fault::ServiceFault;
use super::hook::Moment;
use super::open::open;
use super::report::ServiceOutcome;
use super::switch::{Seen, State, Switch};
use crate::error::{At as _, Classify, Failure, Stage, chain};
use crate::pipeline::Scene;

/// How long one service may take to answer: it may be lost with its region.
const ANSWER: Duration = Duration::from_secs(15);

/// Wait between two looks.
const BETWEEN: Duration = Duration::from_secs(1);

/// Races with other executors before they count as a reason to stop.
const RACES: usize = 8;

/// Services of a side that should be so.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) side: SideName,
    pub(crate) wanted: Power,
    pub(crate) services: Vec<&'a SideService>,
    /// How long a service may take to become so, after it was asked.
    pub(crate) patience: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Turned {
    /// The log with the entries about it.
    pub(crate) history: History,
    /// One for each service.
    pub(crate) outcomes: Vec<ServiceOutcome>,
}

/// Somebody else decided otherwise meanwhile.
#[derive(Debug, thiserror::Error)]
enum Overtaken {
    #[error(
        "the group log went on while services of {region} were to be turned {wanted}: its roles or what is wanted of these \
         services changed. Nothing more was done to them; look at `lakedr status`"
    )]
    Otherwise { region: String, wanted: &'static str },
    #[error(
        "other executors wrote to the group log {RACES} times in a row; stop all but one of them, then try again"
    )]
    Busy,
}

impl Classify for Overtaken {
    fn class(&self) -> FailureClass {
        FailureClass::Unreachable
    }
}

/// What a look came to.
type Look = Result<Option<Seen>, ServiceFault>;

/// A service that is being seen to.
struct Case<'a> {
    service: &'a SideService,
    switch: Option<Box<dyn Switch>>,
    look: Look,
}

impl Case<'_> {
    /// Whether something has to be asked of it.
    fn asks(&self, wanted: Power) -> bool {
        match &self.look {
            Err(_) => false,
            Ok(None) => true,
            Ok(Some(seen)) => !seen.is(wanted) && seen.state != State::Towards(wanted),
        }
    }
}

/// What the ledger is told about a service.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    seen: String,
    note: Option<String>,
}

impl Told {
    fn of(look: &Look, wanted: Power) -> Self {
        match look {
            Err(fault) => Self { seen: fault.word().to_owned(), note: Some(chain(fault)) },
            Ok(None) => Self { seen: "asked".to_owned(), note: None },
            Ok(Some(seen)) if seen.is(wanted) => {
                let note = (seen.state == State::Neither).then(|| seen.word.clone());
                Self { seen: wanted.word().to_owned(), note }
            }
            Ok(Some(seen)) => Self { seen: seen.word.clone(), note: None },
        }
    }
}

/// Turns services on or off, all at the same time. That one cannot be reached keeps nobody longer than its patience, and is
/// no error: the ledger has it open.
///
/// # Errors
/// When the group log cannot be written, or somebody else decided otherwise meanwhile.
pub(crate) async fn turn(scene: &Scene<'_>, history: History, turn: Turn<'_>) -> Result<Turned, Failure> {
    let moment = moment(scene, &history, turn.side);
    let (seq, epoch) = (newest(&history), moment.epoch);
    let mut ledger = Ledger { scene, history, turn: &turn, seq, epoch };
    let cases = join_all(turn.services.iter().map(|service| look(scene, turn.side, service, &moment))).await;
    for case in &cases {
        ledger.claim(case).await?;
    }
    let acts = cases.iter().map(|case| act(case, turn.wanted, turn.patience));
    let told = join_all(acts).await;
    for (case, told) in cases.iter().zip(told) {
        ledger.result(case.service, told).await?;
    }
    let history = ledger.history;
    let record = |service: &&SideService| history.state.as_ref()?.service(&service.id);
    let outcomes = turn.services.iter().filter_map(record);
    let outcomes = outcomes.map(|record| ServiceOutcome::of(record, turn.wanted)).collect();
    Ok(Turned { history, outcomes })
}

fn newest(history: &History) -> u64 {
    history.state.as_ref().map_or(0, |state| state.seq())
}

fn moment(scene: &Scene<'_>, history: &History, side: SideName) -> Moment {
    let state = history.state.as_ref();
    Moment {
        group: scene.group.name.to_string(),
        region: scene.group.side(side).region.clone(),
        epoch: state.map_or(0, |state| state.epoch),
        active_region: scene.group.side(scene.active(history)).region.clone(),
        standby_region: scene.group.side(scene.standby(history)).region.clone(),
    }
}

async fn look<'a>(scene: &Scene<'_>, side: SideName, service: &'a SideService, moment: &Moment) -> Case<'a> {
    let opened = async {
        let switch = open(service, scene.group.side(side), &scene.secrets, moment.clone()).await?;
        let seen = switch.look().await?;
        Ok((switch, seen))
    };
    match in_time(opened, ANSWER).await {
        Ok((switch, seen)) => Case { service, switch: Some(switch), look: Ok(seen) },
        Err(fault) => Case { service, switch: None, look: Err(fault) },
    }
}

/// Runs of a service that are under way.
///
/// # Errors
/// When the service does not say.
pub(crate) async fn runs_under_way(
    scene: &Scene<'_>,
    history: &History,
    side: SideName,
    service: &SideService,
) -> Result<Vec<String>, ServiceFault> {
    let ask = async {
        let moment = moment(scene, history, side);
        let switch = open(service, scene.group.side(side), &scene.secrets, moment).await?;
        switch.runs_under_way().await
    };
    in_time(ask, ANSWER).await
}

async fn in_time<T>(
    act: impl Future<Output = Result<T, ServiceFault>>,
    patience: Duration,
) -> Result<T, ServiceFault> {
    let late = |_| ServiceFault::TimedOut { seconds: patience.as_secs() };
    timeout(patience, act).await.map_err(late)?
}

/// Asks where that is needed, and looks until the service is as it should be. None when there was nothing to do.
async fn act(case: &Case<'_>, wanted: Power, patience: Duration) -> Option<Told> {
    let switch = case.switch.as_deref()?;
    let mut told = Told::of(&case.look, wanted);
    if told.seen != wanted.word() {
        told = Told::of(&ask(case, switch, wanted, patience).await, wanted);
    }
    // what still writes is worth knowing; that nobody says so is not
    if case.service.kind.is_schedule() && wanted == Power::Off && told.seen == wanted.word() {
        let runs = in_time(switch.runs_under_way(), ANSWER).await.unwrap_or_default();
        told.note = (!runs.is_empty())
            .then(|| format!("under way, and left to finish: run(s) {}", runs.join(", ")))
            .or(told.note);
    }
    Some(told)
}

async fn ask(case: &Case<'_>, switch: &dyn Switch, wanted: Power, patience: Duration) -> Look {
    let answer = match &case.service.kind {
        // a hook has a time-out of its own
        ServiceKind::Hook(hook) => hook.timeout + Duration::from_secs(1),
        _ => ANSWER,
    };
    if case.asks(wanted) {
        in_time(switch.ask(wanted), answer).await?;
    }
    let until = Instant::now() + patience;
    loop {
        let Some(seen) = in_time(switch.look(), ANSWER).await? else { return Ok(Some(Seen::of(wanted))) };
        if seen.is(wanted) || Instant::now() >= until {
            return Ok(Some(seen));
        }
        sleep(BETWEEN.min(until.saturating_duration_since(Instant::now()))).await;
    }
}

/// The part of the group log that is about these services.
struct Ledger<'a> {
    scene: &'a Scene<'a>,
    history: History,
    turn: &'a Turn<'a>,
    /// The newest entry when it was decided what is wanted.
    seq: u64,
    /// The epoch in which that was.
    epoch: u64,
}

impl Ledger<'_> {
    fn record(&self, service: &SideService) -> Option<&ServiceRecord> {
        self.history.state.as_ref()?.service(&service.id).filter(|record| record.wants(self.turn.wanted))
    }

    /// Enters what was seen of a service before anything is done about it.
    async fn claim(&mut self, case: &Case<'_>) -> Result<(), Failure> {
        let wanted = self.turn.wanted;
        let known = self.record(case.service);
        let told = Told::of(&case.look, wanted);
        let elsewhere = matches!(&case.look, Err(fault) if fault.is_about_credentials());
        if elsewhere && known.is_some_and(ServiceRecord::is_open) {
            // whoever has the credentials finds it due
            return Ok(());
        }
        let tries = u32::from(case.look.is_err() || case.asks(wanted));
        let attempts = known.map_or(0, |known| known.attempts).saturating_add(tries);
        let before = before(&case.look, known);
        let says_so = |known: &ServiceRecord| {
            known.seq > self.role_seq()
                && (&known.seen, known.attempts, known.before) == (&told.seen, attempts, before)
        };
        if known.is_some_and(says_so) {
            return Ok(());
        }
        self.enter(case.service, told, attempts, before).await
    }

    /// Enters what became of a service, if that is not what the ledger says.
    async fn result(&mut self, service: &SideService, told: Option<Told>) -> Result<(), Failure> {
        let (Some(told), Some(known)) = (told, self.record(service)) else { return Ok(()) };
        if known.seen == told.seen && known.note == told.note {
            return Ok(());
        }
        let (attempts, before) = (known.attempts, known.before);
        self.enter(service, told, attempts, before).await
    }

    fn role_seq(&self) -> u64 {
        let change = self.history.state.as_ref().and_then(|state| state.role_change.as_ref());
        change.map_or(0, |change| change.seq)
    }

    async fn enter(
        &mut self,
        service: &SideService,
        told: Told,
        attempts: u32,
        before: Option<Power>,
    ) -> Result<(), Failure> {
        let (scene, name) = (self.scene, &self.scene.group.name);
        for _ in 0..RACES {
            let event = Event::Shutdown {
                service: service.id.clone(),
                wanted: self.turn.wanted.word().to_owned(),
                seen: told.seen.clone(),
                attempts,
                before,
                note: told.note.clone(),
            };
            let (now, author) = (scene.world.now(), scene.world.author.clone());
            let appended = scene.log.append(self.history.clone(), event, now, author).await;
            match appended.at(Stage::Record, name)? {
                Appended::Done(history) => {
                    self.history = *history;
                    return Ok(());
                }
                Appended::Lost => {
                    self.history = scene.log.read().await.at(Stage::Observe, name)?;
                    self.is_still_wanted().at(Stage::Record, name)?;
                }
            }
        }
        Err(Overtaken::Busy.at(Stage::Record, name))
    }

    /// Whether nobody has changed the roles, or what is wanted of these services.
    fn is_still_wanted(&self) -> Result<(), Overtaken> {
        let Some(state) = &self.history.state else { return Ok(()) };
        let otherwise = self.turn.services.iter().filter_map(|service| state.service(&service.id));
        let mut otherwise =
            otherwise.filter(|record| record.seq > self.seq && !record.wants(self.turn.wanted));
        if state.epoch == self.epoch && otherwise.next().is_none() {
            return Ok(());
        }
        let region = self.scene.group.side(self.turn.side).region.clone();
        Err(Overtaken::Otherwise { region, wanted: self.turn.wanted.word() })
    }
}

/// What a service was before lakedr did anything about it. What is on was turned on by somebody; what is off may have been
/// turned off by an attempt before, which the ledger then knows of.
fn before(look: &Look, known: Option<&ServiceRecord>) -> Option<Power> {
    let seen = match look {
        Ok(Some(Seen { state: State::Is(power), .. })) => Some(*power),
        _ => None,
    };
    match (seen, known.and_then(|known| known.before)) {
        (Some(Power::On), _) => Some(Power::On),
        (_, Some(before)) => Some(before),
        (seen, None) => seen,
    }
}

/// Tries those services again that the ledger has open and that are due. Where nothing is open nothing is sent.
///
/// # Errors
/// When the group log cannot be written.
pub(crate) async fn retry(scene: &Scene<'_>, history: History) -> Result<History, Failure> {
    let mut history = history;
    for side in [SideName::Primary, SideName::Secondary] {
        for wanted in [Power::Off, Power::On] {
            let Some(state) = &history.state else { return Ok(history) };
            let declared = scene.group.services.of(side);
            let open = due(declared, state, scene.world.now());
            let open = open.into_iter().filter(|(_, of)| *of == wanted);
            let services: Vec<_> = open.map(|(service, _)| service).collect();
            if !services.is_empty() {
                let again = Turn { side, wanted, services, patience: Duration::ZERO };
                let turned = turn(scene, history, again).await?;
                for outcome in turned.outcomes.iter().filter(|outcome| !outcome.done) {
                    tracing::warn!(group = %scene.group.name, "{}", outcome.line());
                }
                history = turned.history;
            }
        }
    }
    Ok(history)
}

impl<'a> Turn<'a> {
    /// What is left to be done so that the services of a side are as wanted, and those that stay as somebody left them.
    pub(crate) fn of_side(
        scene: &'a Scene<'_>,
        history: &History,
        (side, wanted, patience): (SideName, Power, Duration),
    ) -> (Self, Vec<ServiceOutcome>) {
        let state = history.state.as_ref();
        let since = state.and_then(|state| state.role_change.as_ref()).map_or(0, |change| change.seq);
        let (mut services, mut rest) = (Vec::new(), Vec::new());
        for service in scene.group.services.of(side) {
            let record = state.and_then(|state| state.service(&service.id));
            match (todo(&service.kind, record, wanted, since), record) {
                (Todo::See, _) => services.push(service),
                (Todo::LeftOff, _) => rest.push(ServiceOutcome::left_off(&service.id)),
                (Todo::Nothing, record) => {
                    rest.extend(record.map(|record| ServiceOutcome::of(record, wanted)));
                }
            }
        }
        (Self { side, wanted, services, patience }, rest)
    }
}
