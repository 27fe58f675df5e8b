//! The group log of the model: few words, folded by lakedr's own fold.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use chrono::DateTime;
use lakedr_control::cut::{Cut, CutRun, Pin};
use lakedr_control::group_log::{Author, Entry, Event, GroupState, IntentKind, IntentSlot, Role, fold};
use lakedr_control::id::TableName;

/// Names of the tables.
pub(crate) const TABLES: [&str; 2] = ["c.s.a", "c.s.b"];

/// The regions; the workflow begins in the first one.
const REGIONS: [&str; 2] = ["east", "west"];

/// A version of each table.
pub(crate) type Versions = [u64; 2];

/// The run that a cut holds, and the versions of each table that show it: in the region that is active, in the landing area,
/// and in the region that is standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Holds {
    pub(crate) run: u64,
    pub(crate) source: Versions,
    pub(crate) landed: Option<Versions>,
    pub(crate) versions: Versions,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Said {
    Created,
    Landed(Holds),
    /// Which tables of a region get a commit, at the version of `holds`, and the run that its body shows.
    Intent {
        region: usize,
        rollback: bool,
        replaces: Option<u64>,
        holds: Holds,
        slots: [bool; 2],
        shows: [u64; 2],
    },
    Published {
        intent: u64,
    },
    Abandoned {
        intent: u64,
    },
    Role,
}

/// The log; entry 1 comes first.
pub(crate) type Log = Vec<Said>;

/// An intent of the log.
pub(crate) struct Announced {
    pub(crate) holds: Holds,
    /// Table, version, and the run that the commit shows.
    pub(crate) slots: Vec<(usize, u64, u64)>,
    /// The region whose tables it is about.
    pub(crate) region: usize,
}

/// The region that is standby behind these entries.
pub(crate) fn standby(log: &[Said]) -> usize {
    let changes = log.iter().filter(|said| **said == Said::Role).count();
    (changes + 1) % 2
}

/// The region that is standby in an epoch.
pub(crate) fn standby_in(epoch: u64) -> usize {
    usize::try_from(epoch % 2).unwrap()
}

/// An intent of the log.
pub(crate) fn intent(log: &[Said], seq: u64) -> Announced {
    let at = usize::try_from(seq).unwrap() - 1;
    let Some(Said::Intent { region, holds, slots, shows, .. }) = log.get(at) else {
        panic!("entry {seq} is no intent: {log:?}")
    };
    let slots = (0..2).filter(|table| slots[*table]);
    let slots = slots.map(|table| (table, holds.versions[table], shows[table])).collect();
    Announced { holds: *holds, slots, region: *region }
}

fn table(index: usize) -> TableName {
    TABLES[index].parse().unwrap()
}

fn cut(holds: &Holds, is_published: bool) -> Cut {
    let at = DateTime::from_timestamp(i64::try_from(holds.run).unwrap(), 0).unwrap();
    let run = CutRun { id: holds.run.to_string(), ended_at: at };
    let pin = |index: usize| Pin {
        table: table(index),
        source_table_id: "id".to_owned(),
        source_version: holds.source[index],
    };
    let mut cut = Cut::of_run(&"etl".parse().unwrap(), run, vec![pin(0), pin(1)]);
    for (index, table) in cut.tables.iter_mut().enumerate() {
        table.landed_version = holds.landed.map(|landed| landed[index]);
        table.target_version = is_published.then_some(holds.versions[index]);
    }
    cut
}

fn event(log: &[Said], at: usize) -> Event {
    let role = |standby: usize| Role {
        active: REGIONS[1 - standby].to_owned(),
        standby: REGIONS[standby].to_owned(),
    };
    let digest = || "sha256:spec".to_owned();
    match &log[at] {
        Said::Created => Event::Created { spec_digest: digest(), role: role(1) },
        Said::Landed(holds) => Event::Landed { spec_digest: digest(), cut: cut(holds, false) },
        Said::Intent { rollback, replaces, holds, slots, .. } => Event::Intent {
            kind: if *rollback { IntentKind::Rollback } else { IntentKind::Publish },
            replaces: *replaces,
            spec_digest: digest(),
            cut: cut(holds, true),
            slots: (0..2).filter(|index| slots[*index]).map(|index| slot(index, holds)).collect(),
        },
        Said::Published { intent: seq } => {
            let cut = cut(&intent(log, *seq).holds, true);
            Event::Published { intent: *seq, cut, publish_window_ms: 0 }
        }
        Said::Abandoned { intent } => Event::Abandoned { intent: *intent, reason: String::new() },
        Said::Role => Event::Role {
            role: role(standby(&log[..=at])),
            from: None,
            approved_by: "somebody".to_owned(),
            plan: None,
        },
    }
}

fn slot(index: usize, holds: &Holds) -> IntentSlot {
    IntentSlot {
        warehouse: None,
        table: table(index),
        url: String::new(),
        version: holds.versions[index],
        hidden: false,
        body_digest: String::new(),
    }
}

thread_local! {
    static FOLDED: RefCell<HashMap<Log, Option<Rc<GroupState>>>> = RefCell::default();
}

/// What a log comes to; none when it is no history of a group.
pub(crate) fn folded(log: &[Said]) -> Option<Rc<GroupState>> {
    if let Some(known) = FOLDED.with_borrow(|known| known.get(log).cloned()) {
        return known;
    }
    let by = Author { executor: String::new(), host: String::new(), run: String::new() };
    let mut epoch = 1;
    let entries = log.iter().enumerate().zip(1..).map(|((at, said), seq)| {
        epoch += u64::from(*said == Said::Role);
        Entry {
            format: 1,
            group: "etl".parse().unwrap(),
            seq,
            epoch,
            at: DateTime::from_timestamp(0, 0).unwrap(),
            by: by.clone(),
            event: event(log, at),
        }
    });
    let state = fold(&entries.collect::<Vec<_>>()).ok().flatten().map(Rc::new);
    FOLDED.with_borrow_mut(|known| known.insert(log.to_vec(), state.clone()));
    state
}

fn holds(cut: &Cut) -> Holds {
    let tables = [0, 1].map(|index| cut.table(&table(index)).unwrap());
    Holds {
        run: cut.run.as_ref().unwrap().id.parse().unwrap(),
        source: tables.map(|table| table.source_version),
        landed: tables[0].landed_version.zip(tables[1].landed_version).map(Into::into),
        versions: tables.map(|table| table.target_version.unwrap_or_default()),
    }
}

/// What the newest recovery point holds, in the roles in force.
pub(crate) fn held(state: &GroupState) -> Holds {
    holds(&state.held().unwrap())
}

/// The newest recovery point as it was published, and the region that it lies in.
pub(crate) fn newest_point(state: &GroupState) -> (Holds, usize) {
    let point = state.recovery_point().unwrap();
    (holds(&point.cut), standby_in(point.epoch))
}

/// What the landing area holds, by the log.
pub(crate) fn landed(state: &GroupState) -> Option<Holds> {
    state.landed.as_ref().map(|landed| holds(&landed.cut))
}

/// What has landed and is not published, by the log.
pub(crate) fn unpublished(state: &GroupState) -> Option<Holds> {
    state.unpublished().map(|landed| holds(&landed.cut))
}
