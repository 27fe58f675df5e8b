//! A sync taken apart into the writes it is made of, in the order of the protocol (docs/architecture.md, "Publish,
//! step by step").

use std::collections::BTreeSet;

use lakedr_control::digest;
use lakedr_control::group_log::{Entry, Event, IntentSlot};
use lakedr_control::layout;

use crate::lab::{GROUP, SYNC, slot_key};
use crate::tree::{Stamps, Tree, changes};

/// One write to the standby region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write {
    /// An object appears, or takes another content.
    Put(String, Vec<u8>),
    /// An object goes.
    Delete(String),
}

/// Writes that happen next to each other: a crash leaves any of them.
pub(crate) type Step = Vec<Write>;

/// The steps that lead from one state of the standby region to a later one that an executor made of it. Applied to
/// `before` they give `after`, which is checked.
pub(crate) fn steps(before: &Tree, after: &Tree) -> Vec<Step> {
    let fresh = |key: &&String| before.get(*key) != after.get(*key);
    let keys = || after.keys().filter(fresh);
    let put = |key: &String| Write::Put(key.clone(), after[key].clone());
    let select = |wanted: &dyn Fn(&str) -> bool| -> Step {
        keys().filter(|key| !is_metadata(key) && wanted(key)).map(put).collect()
    };
    let select_metadata = |wanted: &dyn Fn(&str) -> bool| -> Step {
        keys().filter(|key| is_metadata(key) && wanted(key)).map(put).collect()
    };
    let mut steps = vec![
        select(&|key| key == known_runs()),
        select(&|key| key.ends_with(".parquet") && !key.contains("/_delta_log/")),
    ];
    let is_published = |key: &&String| {
        key.contains("/log/")
            && matches!(Entry::decode(key, &after[*key]).unwrap().event, Event::Published { .. })
    };
    let newest_published = after.keys().rfind(is_published);
    for key in keys().filter(|key| key.contains("/log/")) {
        let entry = Entry::decode(key, &after[key]).unwrap();
        let said = vec![Write::Put(key.clone(), after[key].clone())];
        match &entry.event {
            Event::Created { .. } => steps.insert(0, said),
            Event::Intent { slots, .. } => {
                steps.push(slots.iter().map(|slot| body(&entry, slot, after)).collect());
                steps.push(said);
                steps.push(slots.iter().filter_map(|slot| fill(slot, before, after)).collect());
            }
            Event::Published { intent, .. } => {
                steps.push(said);
                // of several heads only the last one is still to be seen
                if newest_published == Some(key) {
                    steps.push(select(&|key| key == head()));
                }
                steps.push(forget(*intent, before, &steps));
            }
            _ => steps.push(said),
        }
    }
    steps.push(select(&|key| key.contains("/state/")));
    steps.push(select(&|key| key.ends_with(".checkpoint.parquet")));
    steps.push(select(&|key| key.ends_with("_last_checkpoint")));
    steps.push(select(&|key| key.ends_with(".crc")));
    // a file of rows, the commit that names it, and how far they go
    steps.push(select_metadata(&|key| key.ends_with(".parquet")));
    steps.push(select_metadata(&|key| key.contains("/_delta_log/")));
    steps.push(select_metadata(&|key| key == metadata_mark()));
    steps.retain(|step| !step.is_empty());
    assert_eq!(changes(after, &apply(before, steps.iter().flatten())), [].into(), "a write is missing");
    steps
}

/// Path of the head of the group log.
fn head() -> String {
    format!("{SYNC}/{}", layout::group_log_head(&GROUP.parse().unwrap()))
}

/// Path of what is known of the runs.
fn known_runs() -> String {
    format!("{SYNC}/{}", layout::known_runs(&GROUP.parse().unwrap()))
}

/// Path of how far the rows in the sync metadata table go.
fn metadata_mark() -> String {
    format!("{SYNC}/{}", layout::metadata_mark(&GROUP.parse().unwrap()))
}

/// Whether a path is one of the sync metadata table, or says how far its rows go.
pub(crate) fn is_metadata(key: &str) -> bool {
    key.starts_with(&format!("{SYNC}/{}/", layout::sync_metadata_table())) || key == metadata_mark()
}

/// Whether a path is one of an object that may be replaced: nothing rests on it.
pub(crate) fn is_cache(key: &str) -> bool {
    key.ends_with("_last_checkpoint") || key == head() || key == known_runs() || key == metadata_mark()
}

/// Checks by the times of their files that the objects that stayed were written in the order of the steps.
pub(crate) fn check_order(steps: &[Step], stamps: &Stamps) {
    let time = |write: &Write| match write {
        Write::Put(key, _) => stamps.get(key).map(|(_, seconds, nanos)| (*seconds, *nanos)),
        Write::Delete(_) => None,
    };
    let mut before = None;
    for step in steps {
        for write in step {
            assert!(time(write).is_none_or(|time| Some(time) >= before), "{} came too early", name(write));
        }
        before = before.max(step.iter().filter_map(time).max());
    }
}

/// Where the body of a slot is stored; its bytes are those of the commit that it became.
fn body(intent: &Entry, slot: &IntentSlot, after: &Tree) -> Write {
    let bytes = after[&key_of(slot)].clone();
    assert_eq!(digest::of_bytes(&bytes), slot.body_digest);
    let key = layout::pending_commit(&GROUP.parse().unwrap(), intent.seq, &slot.table, &slot.body_digest);
    Write::Put(format!("{SYNC}/{key}"), bytes)
}

fn fill(slot: &IntentSlot, before: &Tree, after: &Tree) -> Option<Write> {
    let key = key_of(slot);
    (!before.contains_key(&key)).then(|| Write::Put(key.clone(), after[&key].clone()))
}

/// Path of a slot in the standby region.
pub(crate) fn key_of(slot: &IntentSlot) -> String {
    slot_key(&slot.table.to_string(), slot.version)
}

fn forget(intent: u64, before: &Tree, steps: &[Step]) -> Step {
    let folder = format!("{SYNC}/{}/", layout::pending_commits(&GROUP.parse().unwrap(), intent));
    let put = steps.iter().flatten().filter_map(|write| match write {
        Write::Put(key, _) => Some(key),
        Write::Delete(_) => None,
    });
    let bodies: BTreeSet<&String> = before.keys().chain(put).filter(|key| key.starts_with(&folder)).collect();
    bodies.into_iter().map(|key| Write::Delete(key.clone())).collect()
}

/// A state after some writes.
pub(crate) fn apply<'a>(before: &Tree, writes: impl IntoIterator<Item = &'a Write>) -> Tree {
    let mut tree = before.clone();
    for write in writes {
        match write {
            Write::Put(key, bytes) => drop(tree.insert(key.clone(), bytes.clone())),
            Write::Delete(key) => drop(tree.remove(key)),
        }
    }
    tree
}

/// A state in which a crash leaves the standby region.
#[derive(Debug)]
pub(crate) struct Crash {
    /// The last write, for messages.
    pub(crate) after: String,
    /// The state.
    pub(crate) standby: Tree,
    /// The write that the crash tore, if there was a next one.
    pub(crate) torn: Option<Write>,
}

/// Every prefix of the steps, the writes of a step in one order and in the opposite one.
pub(crate) fn prefixes(before: &Tree, steps: &[Step]) -> Vec<Crash> {
    let forward: Vec<&Write> = steps.iter().flatten().collect();
    let backward: Vec<&Write> = steps.iter().flat_map(|step| step.iter().rev()).collect();
    let cut = |writes: &[&Write], length: usize| Crash {
        after: format!(
            "{length} of {} writes, {:?}",
            writes.len(),
            length.checked_sub(1).map(|last| name(writes[last]))
        ),
        standby: apply(before, writes[..length].iter().copied()),
        torn: writes.get(length).map(|write| (*write).clone()),
    };
    let cuts =
        |writes: Vec<&Write>| (0..=writes.len()).map(|length| cut(&writes, length)).collect::<Vec<_>>();
    let mut states = cuts(forward);
    states.extend(cuts(backward));
    states
}

fn name(write: &Write) -> String {
    match write {
        Write::Put(key, _) => format!("put {key}"),
        Write::Delete(key) => format!("delete {key}"),
    }
}
