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

/// The run that a cut holds, and the version of each table that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Holds {
    pub(crate) run: u64,
    pub(crate) versions: [u64; 2],
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Said {
    Created,
    /// Which tables get a commit, at the version of `holds`.
    Intent {
        rollback: bool,
        replaces: Option<u64>,
        holds: Holds,
        slots: [bool; 2],
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
pub(crate) fn intent(log: &[Said], seq: u64) -> (Holds, Vec<(usize, u64)>) {
    let said = usize::try_from(seq).ok().and_then(|seq| log.get(seq - 1));
    let Some(Said::Intent { holds, slots, .. }) = said else { panic!("entry {seq} is no intent: {log:?}") };
    let slots = (0..2).filter(|table| slots[*table]).map(|table| (table, holds.versions[table])).collect();
    (*holds, slots)
}

fn table(index: usize) -> TableName {
    TABLES[index].parse().unwrap()
}

fn cut(holds: &Holds) -> Cut {
    let at = DateTime::from_timestamp(i64::try_from(holds.run).unwrap(), 0).unwrap();
    let run = CutRun { id: holds.run.to_string(), ended_at: at };
    let pin =
        |index| Pin { table: table(index), source_table_id: "id".to_owned(), source_version: holds.run };
    let mut cut = Cut::of_run(&"etl".parse().unwrap(), run, vec![pin(0), pin(1)]);
    for (table, version) in cut.tables.iter_mut().zip(holds.versions) {
        table.target_version = Some(version);
    }
    cut
}

fn event(log: &[Said], said: &Said) -> Event {
    let role = |active: &str, standby: &str| Role { active: active.to_owned(), standby: standby.to_owned() };
    let digest = || "sha256:spec".to_owned();
    match said {
        Said::Created => Event::Created { spec_digest: digest(), role: role("east", "west") },
        Said::Intent { rollback, replaces, holds, slots } => Event::Intent {
            kind: if *rollback { IntentKind::Rollback } else { IntentKind::Publish },
            replaces: *replaces,
            spec_digest: digest(),
            cut: cut(holds),
            slots: (0..2).filter(|index| slots[*index]).map(|index| slot(index, holds)).collect(),
        },
        Said::Published { intent: seq } => {
            let (holds, _) = intent(log, *seq);
            Event::Published { intent: *seq, cut: cut(&holds), publish_window_ms: 0 }
        }
        Said::Abandoned { intent } => Event::Abandoned { intent: *intent, reason: String::new() },
        Said::Role => Event::Role {
            role: role("west", "east"),
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
    let entries = log.iter().zip(1..).map(|(said, seq)| {
        epoch += u64::from(*said == Said::Role);
        let at = DateTime::from_timestamp(0, 0).unwrap();
        Entry {
            format: 1,
            group: "etl".parse().unwrap(),
            seq,
            epoch,
            at,
            by: by.clone(),
            event: event(log, said),
        }
    });
    let state = fold(&entries.collect::<Vec<_>>()).ok().flatten().map(Rc::new);
    FOLDED.with_borrow_mut(|known| known.insert(log.to_vec(), state.clone()));
    state
}

/// What the newest recovery point holds.
pub(crate) fn held(state: &GroupState) -> Holds {
    let cut = &state.recovery_point().unwrap().cut;
    let version = |index| cut.table(&table(index)).unwrap().target_version.unwrap();
    Holds { run: cut.run.as_ref().unwrap().id.parse().unwrap(), versions: [version(0), version(1)] }
}
