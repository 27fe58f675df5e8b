//! The part of the group log that is about services.

use lakedr_control::group_log::{Appended, Event, FailureClass, History, Power, ServiceRecord};
use lakedr_control::validate::SideService;

use super::case::{Case, Look, Told};
use super::switch::{Seen, State};
use super::turn::Turn;
use crate::error::{At as _, Classify, Failure, Stage};
use crate::pipeline::Scene;

/// Races with other executors before they count as a reason to stop.
const RACES: usize = 8;

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

/// The part of the group log that is about these services.
pub(super) struct Ledger<'a> {
    scene: &'a Scene<'a>,
    history: History,
    turn: &'a Turn<'a>,
    /// The newest entry when it was decided what is wanted.
    seq: u64,
    /// The epoch in which that was.
    epoch: u64,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(scene: &'a Scene<'a>, history: History, turn: &'a Turn<'a>) -> Self {
        let (seq, epoch) = history.state.as_ref().map_or((0, 0), |state| (state.seq(), state.epoch));
        Self { scene, history, turn, seq, epoch }
    }

    pub(super) fn into_history(self) -> History {
        self.history
    }

    fn record(&self, service: &SideService) -> Option<&ServiceRecord> {
        self.history.state.as_ref()?.service(&service.id).filter(|record| record.wants(self.turn.wanted))
    }

    /// Enters what was seen of a service before anything is done about it.
    pub(super) async fn claim(&mut self, case: &Case<'_>) -> Result<(), Failure> {
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
    pub(super) async fn result(&mut self, service: &SideService, told: Option<Told>) -> Result<(), Failure> {
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
