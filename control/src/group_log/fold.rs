use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Event, FIRST_EPOCH, FIRST_SEQ, FailureClass, IntentKind, IntentSlot, Role};
use super::roles::RoleChange;
use super::services::{self, ServiceRecord};
use crate::cut::Cut;

/// A published cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RecoveryPoint {
    /// Sequence number of the `published` entry.
    pub seq: u64,
    /// Sequence number of its intent.
    pub intent: u64,
    /// What the intent was about.
    pub kind: IntentKind,
    /// Epoch it was published in.
    pub epoch: u64,
    /// When it was published.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub published_at: DateTime<Utc>,
    /// Milliseconds from the first to the last slot.
    pub publish_window_ms: u64,
    /// What it holds.
    pub cut: Cut,
}

/// A cut that is complete in the landing area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Landed {
    /// Sequence number of the entry.
    pub seq: u64,
    /// When it landed.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// Digest of the spec that the cut was made with.
    pub spec_digest: String,
    /// The cut.
    pub cut: Cut,
}

/// An intent that is neither published, abandoned nor replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenIntent {
    /// Its sequence number.
    pub seq: u64,
    /// What it is about.
    pub kind: IntentKind,
    /// Digest of the spec that the cut was made with.
    pub spec_digest: String,
    /// What it publishes.
    pub cut: Cut,
    /// Where the commits go.
    pub slots: Vec<IntentSlot>,
}

/// The newest failure since the newest recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LastFailure {
    /// Sequence number of the entry.
    pub seq: u64,
    /// When.
    #[serde(with = "crate::time::rfc3339_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "DateTime<Utc>"))]
    pub at: DateTime<Utc>,
    /// Attempt within its call of the executor.
    pub attempt: u32,
    /// Stage.
    pub stage: String,
    /// Class.
    pub class: FailureClass,
    /// What happened.
    pub message: String,
}

/// The state of a group: everything decisions rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GroupState {
    /// Sequence number that the next entry gets.
    pub next_seq: u64,
    /// Epoch in force.
    pub epoch: u64,
    /// Who is active.
    pub role: Role,
    /// The newest change of roles; none while they are those that the group was created with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_change: Option<RoleChange>,
    /// Digest of the spec that the group was created or last published with.
    pub spec_digest: String,
    /// Recovery points, oldest first.
    pub recovery_points: Vec<RecoveryPoint>,
    /// When the newest intent of kind [`IntentKind::Publish`] was published.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::time::rfc3339_millis_option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DateTime<Utc>>"))]
    pub last_publish_at: Option<DateTime<Utc>>,
    /// What the landing area holds: the newest cut that has landed since the roles were given, published or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed: Option<Landed>,
    /// An intent that somebody has to finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_intent: Option<OpenIntent>,
    /// The newest failure since the newest recovery point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<LastFailure>,
    /// The operator who paused the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_by: Option<String>,
    /// Region whose location goes on with the log, after a `moved` without continuation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving_to: Option<String>,
    /// The shutdown ledger: services that a failover or failback stopped or started, in the order in which it came to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceRecord>,
}

impl GroupState {
    /// The newest recovery point.
    #[must_use]
    pub fn recovery_point(&self) -> Option<&RecoveryPoint> {
        self.recovery_points.last()
    }

    /// The newest cut that has landed, unless it is published.
    #[must_use]
    pub fn unpublished(&self) -> Option<&Landed> {
        let held = self.recovery_point().map(|point| &point.cut.id);
        self.landed.as_ref().filter(|landed| held != Some(&landed.cut.id))
    }

    /// Sequence number of the entry that made this state.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.next_seq.saturating_sub(1)
    }

    /// Forgets recovery points from the oldest on, down to [`POINTS_KEPT`] points and [`TABLES_KEPT`] tables in all of
    /// them; the newest one stays in any case. Folding on and forgetting again gives the same as forgetting once.
    #[must_use]
    pub fn without_old_points(mut self) -> Self {
        let mut tables = 0;
        let kept = self.recovery_points.iter().rev().take(POINTS_KEPT).take_while(|point| {
            let newest = tables == 0;
            tables += point.cut.tables.len();
            newest || tables <= TABLES_KEPT
        });
        let old = self.recovery_points.len() - kept.count();
        self.recovery_points.drain(..old);
        self
    }
}

/// Recovery points that are kept at hand for decisions.
pub const POINTS_KEPT: usize = 128;

/// Pinned tables that are kept at hand with them: some 300 bytes each.
pub const TABLES_KEPT: usize = 2048;

/// Why a history is not one of a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// An entry is missing or stands twice.
    #[error(
        "entry {expected} is missing: the log goes on with {found}; restore the object from a version or backup of the location"
    )]
    Gap {
        /// Sequence number that should come.
        expected: u64,
        /// Sequence number that comes.
        found: u64,
    },
    /// The first entry is not `created`.
    #[error("entry {seq} is `{found}`, but a log begins with `created`")]
    NotCreated {
        /// Its sequence number.
        seq: u64,
        /// What it is.
        found: &'static str,
    },
    /// An entry that cannot follow what comes before it.
    #[error("entry {seq} ({event}) cannot stand here: {problem}")]
    Misplaced {
        /// Its sequence number.
        seq: u64,
        /// What it is.
        event: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Folds a history, ordered by sequence number, into the state of the group. `None` for an empty history.
///
/// # Errors
/// See [`FoldError`]: a log that was tampered with is never guessed at.
pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Option<GroupState>, FoldError> {
    fold_from(None, entries)
}

/// Folds what comes after a state into it; `None` is the state before the first entry.
///
/// # Errors
/// See [`FoldError`].
pub fn fold_from<'a>(
    mut state: Option<GroupState>,
    entries: impl IntoIterator<Item = &'a Entry>,
) -> Result<Option<GroupState>, FoldError> {
    for entry in entries {
        state = Some(match state {
            None => begin(entry)?,
            Some(state) => step(state, entry)?,
        });
    }
    Ok(state)
}

fn begin(entry: &Entry) -> Result<GroupState, FoldError> {
    if entry.seq != FIRST_SEQ {
        return Err(FoldError::Gap { expected: FIRST_SEQ, found: entry.seq });
    }
    let Event::Created { spec_digest, role } = &entry.event else {
        return Err(FoldError::NotCreated { seq: entry.seq, found: entry.event.tag() });
    };
    if entry.epoch != FIRST_EPOCH {
        return Err(misplaced(entry, "a group begins with the first epoch"));
    }
    Ok(GroupState {
        next_seq: entry.seq + 1,
        epoch: entry.epoch,
        role: role.clone(),
        role_change: None,
        spec_digest: spec_digest.clone(),
        recovery_points: Vec::new(),
        last_publish_at: None,
        landed: None,
        open_intent: None,
        last_failure: None,
        paused_by: None,
        moving_to: None,
        services: Vec::new(),
    })
}

fn misplaced(entry: &Entry, problem: &'static str) -> FoldError {
    FoldError::Misplaced { seq: entry.seq, event: entry.event.tag(), problem }
}

fn step(mut state: GroupState, entry: &Entry) -> Result<GroupState, FoldError> {
    if entry.seq != state.next_seq {
        return Err(FoldError::Gap { expected: state.next_seq, found: entry.seq });
    }
    let raised = matches!(entry.event, Event::Role { .. });
    if entry.epoch != state.epoch + u64::from(raised) {
        return Err(misplaced(entry, "its epoch is not the one in force"));
    }
    state.next_seq += 1;
    state.epoch = entry.epoch;
    state.moving_to = None;
    match &entry.event {
        Event::Created { .. } => return Err(misplaced(entry, "the group exists already")),
        Event::Landed { spec_digest, cut } => {
            let (spec_digest, cut) = (spec_digest.clone(), cut.clone());
            state.landed = Some(Landed { seq: entry.seq, at: entry.at, spec_digest, cut });
        }
        Event::Intent { .. } => open(&mut state, entry)?,
        Event::Published { intent, .. } => publish(&mut state, entry, *intent)?,
        Event::Abandoned { intent, .. } => {
            close(&mut state, entry, *intent)?;
        }
        Event::Failed { attempt, stage, class, message } => {
            state.last_failure = Some(LastFailure {
                seq: entry.seq,
                at: entry.at,
                attempt: *attempt,
                stage: stage.clone(),
                class: *class,
                message: message.clone(),
            });
        }
        Event::Role { .. } => change_roles(&mut state, entry)?,
        Event::Moved { to_region } => state.moving_to = Some(to_region.clone()),
        Event::Paused { operator } => state.paused_by = Some(operator.clone()),
        Event::Resumed { .. } => state.paused_by = None,
        Event::Shutdown { .. } => services::enter(&mut state, entry),
        Event::Acknowledged { .. } => {}
    }
    Ok(state)
}

fn change_roles(state: &mut GroupState, entry: &Entry) -> Result<(), FoldError> {
    let Event::Role { role, from, approved_by, plan } = &entry.event else { return Ok(()) };
    if state.open_intent.is_some() {
        return Err(misplaced(entry, "an intent is not settled"));
    }
    if (&role.active, &role.standby) != (&state.role.standby, &state.role.active) {
        return Err(misplaced(entry, "active and standby do not change places"));
    }
    state.role = role.clone();
    state.landed = None;
    state.role_change = Some(RoleChange {
        seq: entry.seq,
        at: entry.at,
        from: *from,
        approved_by: approved_by.clone(),
        plan: plan.clone(),
    });
    Ok(())
}

fn open(state: &mut GroupState, entry: &Entry) -> Result<(), FoldError> {
    let Event::Intent { kind, replaces, spec_digest, cut, slots } = &entry.event else { return Ok(()) };
    let open = state.open_intent.as_ref().map(|intent| intent.seq);
    if open != *replaces {
        return Err(misplaced(entry, "it neither replaces the open intent nor finds none open"));
    }
    state.open_intent = Some(OpenIntent {
        seq: entry.seq,
        kind: *kind,
        spec_digest: spec_digest.clone(),
        cut: cut.clone(),
        slots: slots.clone(),
    });
    Ok(())
}

fn close(state: &mut GroupState, entry: &Entry, intent: u64) -> Result<OpenIntent, FoldError> {
    state
        .open_intent
        .take_if(|open| open.seq == intent)
        .ok_or_else(|| misplaced(entry, "it closes an intent that is not open"))
}

fn publish(state: &mut GroupState, entry: &Entry, intent: u64) -> Result<(), FoldError> {
    let Event::Published { cut, publish_window_ms, .. } = &entry.event else { return Ok(()) };
    let closed = close(state, entry, intent)?;
    state.spec_digest = closed.spec_digest;
    state.last_failure = None;
    if closed.kind == IntentKind::Publish {
        state.last_publish_at = Some(entry.at);
    }
    state.recovery_points.push(RecoveryPoint {
        seq: entry.seq,
        intent,
        kind: closed.kind,
        epoch: entry.epoch,
        published_at: entry.at,
        publish_window_ms: *publish_window_ms,
        cut: cut.clone(),
    });
    Ok(())
}
