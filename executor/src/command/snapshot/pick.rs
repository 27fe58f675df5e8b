//! Which schedules a call is about.

use lakedr_control::snapshots::SnapshotId;
use lakedr_control::validate::{self, ValidSchedule};

use super::super::context::{CommandError, Context};
use crate::snapshots::{Desk, list};
use crate::spec::Loaded;

/// The schedules that were asked for, in order of their names; all when none was named.
pub(super) fn schedules(loaded: &Loaded, wanted: &[String]) -> Result<Vec<ValidSchedule>, CommandError> {
    let specs = loaded.specs.snapshot_schedules.iter();
    let mut all: Vec<_> = specs.filter_map(|spec| validate::snapshot_schedule(spec).ok()).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(wanted) = wanted.iter().find(|name| !all.iter().any(|known| known.name.as_str() == **name)) {
        let (wanted, source_name) = (wanted.clone(), loaded.source_name.clone());
        return Err(CommandError::UnknownSchedule { wanted, source_name, known: names(&all) });
    }
    all.retain(|schedule| wanted.is_empty() || wanted.iter().any(|name| *name == schedule.name.as_str()));
    Ok(all)
}

fn names(schedules: &[ValidSchedule]) -> String {
    let names: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The schedule that was named, or the only one there is.
pub(super) fn only(
    loaded: &Loaded,
    named: Option<&str>,
    wanted: &str,
) -> Result<ValidSchedule, CommandError> {
    let named: Vec<String> = named.into_iter().map(str::to_owned).collect();
    let mut all = schedules(loaded, &named)?;
    let (found, known) = (all.len(), names(&all));
    match all.pop().filter(|_| found == 1) {
        Some(schedule) => Ok(schedule),
        None => Err(CommandError::WhichSchedule { wanted: wanted.to_owned(), found, known }),
    }
}

/// The schedule that was named, or the only one that has a snapshot of this id.
pub(super) async fn holder(
    context: &Context,
    loaded: &Loaded,
    named: Option<&str>,
    id: &SnapshotId,
) -> Result<ValidSchedule, CommandError> {
    if let Ok(schedule) = only(loaded, named, id.as_str()) {
        return Ok(schedule);
    }
    let named: Vec<String> = named.into_iter().map(str::to_owned).collect();
    let all = schedules(loaded, &named)?;
    let known = names(&all);
    let mut holders = Vec::new();
    for schedule in all {
        let listed = list(&Desk::open(&context.world, loaded, &schedule).await?).await?;
        if listed.snapshots.iter().any(|snapshot| snapshot.kept.id == *id) {
            holders.push(schedule);
        }
    }
    let found = holders.len();
    match holders.pop().filter(|_| found == 1) {
        Some(schedule) => Ok(schedule),
        None => Err(CommandError::WhichSchedule { wanted: format!("snapshot {id}"), found, known }),
    }
}
