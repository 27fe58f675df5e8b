//! Logs that Spark and delta-rs wrote: from every version to every later one.

use std::collections::{BTreeMap, BTreeSet};

use lakedr::delta::action::actions;
use lakedr::delta::changes::CommitChange;
use lakedr::delta::replay::Replay;
use lakedr::delta::replica::file::differing_fields;
use lakedr::delta::state::{AddFile, FileKey, TableState};
use lakedr::plan::classes::{Changes, Classes, Expected, SkipOptions, advance, logical_view, net, questions};

use crate::tables::{Golden, Kind, tables};

/// The commits of a table and the states that they make; none when the first one is not there any more.
fn history(table: &Golden) -> Option<(Vec<CommitChange>, Vec<TableState>)> {
    let mut replay = Vec::new();
    let (mut commits, mut states) = (Vec::new(), Vec::new());
    for version in 0..=table.version? {
        let bytes = std::fs::read(table.path.join(format!("_delta_log/{version:020}.json"))).ok()?;
        commits.push(CommitChange::parse(version, 1_000, &bytes).ok()?);
        replay.push(bytes);
        let mut state = Replay::new();
        for action in replay.iter().flat_map(|bytes| actions(bytes)) {
            state.apply(action.ok()?).ok()?;
        }
        states.push(state.finish("file:///t", version).ok()?);
    }
    Some((commits, states))
}

fn follow(live: &mut BTreeMap<FileKey, AddFile>, changes: &Changes) -> Result<(), String> {
    for gone in &changes.removes {
        live.remove(&gone.key).ok_or(format!("{:?} was not live", gone.key))?;
    }
    live.extend(changes.adds.iter().map(|change| (change.key.clone(), change.add.clone())));
    Ok(())
}

fn known(asked: &BTreeSet<FileKey>, state: &TableState) -> BTreeMap<FileKey, AddFile> {
    asked.iter().filter_map(|key| Some((key.clone(), state.files.get(key)?.clone()))).collect()
}

fn same(live: &BTreeMap<FileKey, AddFile>, state: &TableState) -> Result<(), String> {
    let equal = |(key, add): (&FileKey, &AddFile)| {
        state.files.get(key).is_some_and(|other| differing_fields(add, other).is_empty())
    };
    if live.len() == state.files.len() && live.iter().all(equal) { Ok(()) } else { Err("differs".to_owned()) }
}

fn copy(commits: &[CommitChange], from: &TableState, to: &TableState) -> Result<(), String> {
    let found = net(commits).map_err(|error| error.to_string())?;
    let held = known(found.uncertain(), from).into_keys().collect();
    let mut live = from.files.clone();
    follow(&mut live, &found.settle(&held, to.head.metadata.is_on("delta.appendOnly")))?;
    same(&live, to)
}

/// Follows a table in steps of some versions; the number of compacted files that stayed at home.
fn skip(commits: &[CommitChange], states: &[TableState], step: usize) -> Result<u64, String> {
    let options = SkipOptions { alpha: 1.5, ..SkipOptions::at(1_000) };
    let mut live = states[0].files.clone();
    let (mut classes, mut skipped) = (Classes::none(0, &states[0].head.metadata.id), 0);
    for at in (0..states.len() - 1).step_by(step) {
        let next = (at + step).min(states.len() - 1);
        let (from, to, range) = (&states[at], &states[next], &commits[at + 1..=next]);
        let told = known(&questions(&classes, range).map_err(|error| error.to_string())?, from);
        let advanced = advance(&classes, &from.head, &to.head, range, &told, &options);
        let advanced = advanced.map_err(|error| error.to_string())?;
        let exists = advanced.wanted().into_iter().map(|member| member.key().clone()).collect();
        let decision = advanced.decide(&exists);
        follow(&mut live, &decision.changes)?;
        let view = logical_view(&to.files, &decision.classes).map_err(|error| error.to_string())?;
        if !view.keys().copied().eq(live.keys()) {
            return Err(format!("{at} to {next}: the target is not the view"));
        }
        for (key, expected) in view {
            let fits = match expected {
                Expected::Equal(add) => differing_fields(add, &live[key]).is_empty(),
                Expected::Rearranged(member) => member.same_rows(key, &live[key]),
            };
            if !fits {
                return Err(format!("{at} to {next}: {key:?} differs"));
            }
        }
        let optimized = range[0].facts.operation.as_deref() == Some("OPTIMIZE");
        if step == 1 && optimized && decision.skipped_files != range[0].adds.len() as u64 {
            return Err(format!("{next}: {:?}", decision.materialised));
        }
        skipped += decision.skipped_files;
        classes = decision.classes;
    }
    Ok(skipped)
}

#[test]
fn every_log_is_followed_from_every_version() {
    let (mut wrong, mut ranges, mut skipped, mut followed) = (Vec::new(), 0, 0, 0);
    for table in tables(&[Kind::Copy, Kind::Empty]) {
        let Some((commits, states)) = history(&table) else { continue };
        followed += 1;
        for from in 0..states.len() {
            for to in from..states.len() {
                ranges += 1;
                if let Err(error) = copy(&commits[from + 1..=to], &states[from], &states[to]) {
                    wrong.push(format!("{}, {from} to {to}: {error}", table.name));
                }
            }
        }
        for step in [1, 2, 3, states.len()] {
            match skip(&commits, &states, step) {
                Ok(files) => skipped += files,
                Err(error) => wrong.push(format!("{} by {step}: {error}", table.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(followed >= 60 && ranges >= 900 && skipped >= 10, "{followed} {ranges} {skipped}");
}
