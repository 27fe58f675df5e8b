//! Which part of the way from the active tables to the standby ones a call covers.

use std::borrow::Cow;

use lakedr_control::cut::{Cut, CutTable};
use lakedr_control::group_log::{FailureClass, History, IntentKind};
use lakedr_control::spec::Delivery;
use lakedr_control::validate::SideName;

use super::scene::Scene;
use crate::error::Classify;
use crate::spec::{Sides, StoresError, TableStore};

/// A part of the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Leg {
    /// From the tables of the active region to those of the standby region.
    #[default]
    Direct,
    /// From the tables of the active region to the landing area in the standby region.
    Send,
    /// From the landing area to the tables of the standby region.
    Receive,
}

/// What a call is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Bring each group to its newest finished state, as far as this region has to: `lakedr sync`.
    Sync,
    /// Land the newest finished state: `lakedr send`.
    Send,
    /// Publish what has landed: `lakedr receive`.
    Receive,
}

/// What the region of this process is to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// Its workflow writes here.
    Active,
    /// lakedr writes here.
    Standby,
    /// The process has not been told its region, and may reach both.
    Anywhere,
}

/// A group whose delivery is direct has no halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "delivery of the group is direct, so there is nothing to send or to receive; run `lakedr sync`, or set \
     delivery = \"staged\""
)]
pub struct NotStaged;

impl Classify for NotStaged {
    fn class(&self) -> FailureClass {
        FailureClass::Configuration
    }
}

/// The legs that a call covers, in their order; none when they are for the other region.
///
/// # Errors
/// [`NotStaged`]
pub fn legs(asked: Asked, delivery: Delivery, here: Here) -> Result<&'static [Leg], NotStaged> {
    Ok(match (asked, delivery, here) {
        (Asked::Sync, Delivery::Direct, _) => &[Leg::Direct],
        (_, Delivery::Direct, _) => return Err(NotStaged),
        (Asked::Sync, Delivery::Staged, Here::Anywhere) => &[Leg::Send, Leg::Receive],
        (Asked::Sync | Asked::Send, Delivery::Staged, Here::Active)
        | (Asked::Send, Delivery::Staged, Here::Anywhere) => &[Leg::Send],
        (Asked::Sync | Asked::Receive, Delivery::Staged, Here::Standby)
        | (Asked::Receive, Delivery::Staged, Here::Anywhere) => &[Leg::Receive],
        (Asked::Send, Delivery::Staged, Here::Standby) | (Asked::Receive, Delivery::Staged, Here::Active) => {
            &[]
        }
    })
}

/// What the target of a leg held last.
#[derive(Debug, Clone)]
pub struct Base<'a> {
    /// Sequence number under which it is on record; none when it is what a rollback or a restore brought back, or what the
    /// roles were changed at.
    pub seq: Option<u64>,
    /// The cut.
    pub cut: Cow<'a, Cut>,
}

impl Leg {
    /// The versions at both ends of the leg that a table of a cut has.
    #[must_use]
    pub fn versions(self, table: &CutTable) -> (Option<u64>, Option<u64>) {
        match self {
            Self::Direct => (Some(table.source_version), table.target_version),
            Self::Send => (Some(table.source_version), table.landed_version),
            Self::Receive => (table.landed_version, table.target_version),
        }
    }

    /// Says what version of the target holds a table of a cut that is about to be written.
    pub(super) fn pin_target(self, table: &mut CutTable) {
        if self == Self::Send {
            table.landed_version = table.target_version.take();
        }
    }
}

impl Scene<'_> {
    /// What the target of this leg held last.
    #[must_use]
    pub fn base<'a>(&self, history: &'a History) -> Option<Base<'a>> {
        let state = history.state.as_ref()?;
        if self.leg == Leg::Send {
            let landed = state.landed.as_ref()?;
            return Some(Base { seq: Some(landed.seq), cut: Cow::Borrowed(&landed.cut) });
        }
        let point = state.recovery_point()?;
        let on_record = point.kind == IntentKind::Publish && !state.is_returning();
        Some(Base { seq: on_record.then_some(point.intent), cut: state.held()? })
    }

    /// The side that this leg reads.
    #[must_use]
    pub fn source_side(&self, history: &History) -> SideName {
        if self.leg == Leg::Receive { self.standby(history) } else { self.active(history) }
    }

    /// The tables that this leg reads.
    ///
    /// # Errors
    /// When a table has no place or its store cannot be set up.
    pub async fn sources(&self, history: &History) -> Result<Vec<TableStore>, StoresError> {
        match self.leg {
            Leg::Receive => self.stores.landing(self.standby(history), self.group),
            Leg::Direct | Leg::Send => self.stores.sources(self.active(history), self.group).await,
        }
    }

    /// The tables that this leg writes.
    ///
    /// # Errors
    /// When a table has no place, its store cannot be set up, or others alone may write to it.
    pub async fn targets(&self, history: &History) -> Result<Vec<TableStore>, StoresError> {
        match self.leg {
            Leg::Send => self.stores.landing(self.standby(history), self.group),
            Leg::Direct | Leg::Receive => self.stores.targets(self.standby(history), self.group).await,
        }
    }

    /// Both ends of a copy of this leg.
    #[must_use]
    pub fn sides(&self, history: &History) -> Sides {
        self.stores.sides(self.source_side(history), self.standby(history))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_covers_its_part() {
        let covered = |asked, here| legs(asked, Delivery::Staged, here).unwrap();
        let (send, receive): (&[Leg], &[Leg]) = (&[Leg::Send], &[Leg::Receive]);
        assert_eq!(covered(Asked::Sync, Here::Anywhere), [Leg::Send, Leg::Receive]);
        for asked in [Asked::Sync, Asked::Send] {
            assert_eq!(covered(asked, Here::Active), send);
        }
        for asked in [Asked::Sync, Asked::Receive] {
            assert_eq!(covered(asked, Here::Standby), receive);
        }
        assert_eq!(covered(Asked::Send, Here::Standby), []);
        assert_eq!(covered(Asked::Receive, Here::Active), []);
        assert_eq!(covered(Asked::Send, Here::Anywhere), send);
        assert_eq!(covered(Asked::Receive, Here::Anywhere), receive);
        for here in [Here::Active, Here::Standby, Here::Anywhere] {
            let direct = |asked| legs(asked, Delivery::Direct, here);
            assert_eq!(direct(Asked::Sync), Ok([Leg::Direct].as_slice()));
            assert_eq!((direct(Asked::Send), direct(Asked::Receive)), (Err(NotStaged), Err(NotStaged)));
        }
    }
}
