//! Rules that look at more than one document.

use super::{
    SideName, SnapshotSource, Step, ValidGroup, Violation, external_location, snapshot_schedule, sync_group,
};
use crate::location::StoreUrl;
use crate::spec::{Delivery, ExternalLocationSpec, Kind, SnapshotScheduleSpec, Spec as _, SyncGroupSpec};

/// All specs of one control store or Terraform state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Specs {
    /// External locations.
    pub external_locations: Vec<ExternalLocationSpec>,
    /// Sync groups.
    pub sync_groups: Vec<SyncGroupSpec>,
    /// Snapshot schedules.
    pub snapshot_schedules: Vec<SnapshotScheduleSpec>,
}

fn at(path: &[&str], problem: String, remedy: String) -> Violation {
    let path = path.iter().map(|step| Step::Attribute((*step).to_owned())).collect();
    Violation { path, problem, remedy }
}

/// What is wrong between a group and the external locations it names: each must exist, lie in the region of its
/// side, and allow writing.
#[must_use]
pub fn group_references(group: &SyncGroupSpec, locations: &[ExternalLocationSpec]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (side, spec) in [("primary", &group.primary), ("secondary", &group.secondary)] {
        let path = [side, "location"];
        match locations.iter().find(|location| location.name == spec.location) {
            None => found.push(at(
                &path,
                format!("there is no external location {:?} in this control store", spec.location),
                "declare a lakedr_external_location of that name and refer to it".to_owned(),
            )),
            Some(location) if location.region != spec.region => found.push(at(
                &path,
                format!("{:?} lies in {}, but this side in {}", location.name, location.region, spec.region),
                "name an external location of the same region, or correct the region".to_owned(),
            )),
            Some(location) if location.read_only => found.push(at(
                &path,
                format!("{:?} is read-only, and the group log is written there", location.name),
                "name another external location, or set read_only = false".to_owned(),
            )),
            Some(location) => found.extend(landing_conflicts(group, side, location)),
        }
    }
    found
}

/// The places below an external location where tables of a group land that are places of tables already.
fn landing_conflicts(group: &SyncGroupSpec, side: &str, location: &ExternalLocationSpec) -> Vec<Violation> {
    let (Ok(group), Ok(root)) = (sync_group(group), location.url.parse::<StoreUrl>()) else {
        return Vec::new();
    };
    if group.delivery != Delivery::Staged {
        return Vec::new();
    }
    let places = || {
        let both = |table| SideName::BOTH.map(|side| (table, side));
        group.tables.iter().flat_map(both).filter_map(|(table, side)| Some((table, table.url(side)?)))
    };
    let mut found = Vec::new();
    for table in &group.tables {
        let landing = root.table(&table.name);
        let Some((other, place)) = places().find(|(_, place)| place.overlaps(&landing)) else { continue };
        found.push(at(
            &[side, "location"],
            format!("{} lands at {landing}, which is in the place of {} ({place})", table.name, other.name),
            "name an external location that no table lies in, or set delivery = \"direct\"".to_owned(),
        ));
    }
    found
}

/// What is wrong between a group and other groups: a table belongs to one group only, by name and by place.
#[must_use]
pub fn group_conflicts<'a>(
    group: &ValidGroup,
    others: impl IntoIterator<Item = &'a ValidGroup>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for other in others.into_iter().filter(|other| other.name != group.name) {
        for table in &group.tables {
            let Some(problem) = other.tables.iter().find_map(|theirs| clash(table, theirs)) else { continue };
            found.push(Violation {
                path: vec![Step::Attribute("tables".to_owned()), Step::Index(table.position)],
                problem: format!("{problem} of sync group {:?}", other.name.as_str()),
                remedy: "keep the table in one group: two groups would overwrite each other".to_owned(),
            });
        }
    }
    found
}

fn clash(ours: &super::ValidTable, theirs: &super::ValidTable) -> Option<String> {
    if ours.name == theirs.name {
        return Some(format!("{} is a table", ours.name));
    }
    let sides = SideName::BOTH;
    // any side with any side: groups may have their regions swapped
    let pairs = sides.into_iter().flat_map(|a| sides.map(|b| (a, b)));
    pairs.into_iter().find_map(|(our_side, their_side)| {
        let (a, b) = (ours.url(our_side)?, theirs.url(their_side)?);
        a.overlaps(b).then(|| format!("{} ({a}) lies in the place of {} ({b})", ours.name, theirs.name))
    })
}

/// What is wrong between a schedule and what it names.
#[must_use]
pub fn schedule_references(schedule: &SnapshotScheduleSpec, specs: &Specs) -> Vec<Violation> {
    let mut found = Vec::new();
    let location = specs.external_locations.iter().find(|location| location.name == schedule.target.location);
    if location.is_none_or(|location| location.read_only) {
        let what = if location.is_some() { "is read-only" } else { "does not exist in this control store" };
        found.push(at(
            &["target", "location"],
            format!("external location {:?} {what}", schedule.target.location),
            "name an external location that can be written to".to_owned(),
        ));
    }
    if let Some(group) = &schedule.source.sync_group
        && !specs.sync_groups.iter().any(|spec| spec.name == *group)
    {
        found.push(at(
            &["source", "sync_group"],
            format!("there is no sync group {group:?} in this control store"),
            "declare a lakedr_sync_group of that name and refer to it".to_owned(),
        ));
    }
    found.extend(schedule_conflicts(schedule, specs));
    found
}

/// The places of a schedule's copies that are places of something else.
fn schedule_conflicts(schedule: &SnapshotScheduleSpec, specs: &Specs) -> Vec<Violation> {
    let place = |spec: &SnapshotScheduleSpec| {
        let valid = snapshot_schedule(spec).ok()?;
        let location =
            specs.external_locations.iter().find(|location| location.name == spec.target.location)?;
        let url = location.url.parse::<StoreUrl>().ok()?;
        Some(if valid.prefix.is_empty() { url } else { url.join(&valid.prefix) })
    };
    let Some(ours) = place(schedule) else { return Vec::new() };
    let mut found = Vec::new();
    let mut clash = |what: String| {
        found.push(at(
            &["target", "prefix"],
            format!("the copies at {ours} lie in one place with {what}"),
            "give the schedule a folder of its own".to_owned(),
        ));
    };
    for other in specs.snapshot_schedules.iter().filter(|other| other.name != schedule.name) {
        if place(other).is_some_and(|theirs| theirs.overlaps(&ours)) {
            clash(format!("those of schedule {:?}", other.name));
        }
    }
    if let Ok(SnapshotSource::Tables { tables, .. }) = snapshot_schedule(schedule).map(|valid| valid.source) {
        for (table, _) in tables.iter().filter(|(_, url)| ours.holds(url)) {
            clash(format!("the table {table}"));
        }
    }
    found
}

/// The documents that use an external location: kind and name.
#[must_use]
pub fn location_users(location: &str, specs: &Specs) -> Vec<(Kind, String)> {
    let groups = specs
        .sync_groups
        .iter()
        .filter(|group| group.primary.location == location || group.secondary.location == location)
        .map(|group| (Kind::SyncGroup, group.name.clone()));
    let schedules = specs
        .snapshot_schedules
        .iter()
        .filter(|schedule| schedule.target.location == location)
        .map(|schedule| (Kind::SnapshotSchedule, schedule.name.clone()));
    groups.chain(schedules).collect()
}

/// Every violation of every spec: kind, name of the document, violation.
#[must_use]
pub fn validate_all(specs: &Specs) -> Vec<(Kind, String, Violation)> {
    let mut found = Vec::new();
    let mut add = |kind: Kind, name: &str, violations: Vec<Violation>| {
        found.extend(violations.into_iter().map(|violation| (kind, name.to_owned(), violation)));
    };
    for location in &specs.external_locations {
        add(Kind::ExternalLocation, location.name(), external_location(location).err().unwrap_or_default());
    }
    let mut seen: Vec<ValidGroup> = Vec::new();
    for group in &specs.sync_groups {
        add(Kind::SyncGroup, group.name(), group_references(group, &specs.external_locations));
        match sync_group(group) {
            Ok(valid) => {
                add(Kind::SyncGroup, group.name(), group_conflicts(&valid, &seen));
                seen.push(valid);
            }
            Err(violations) => add(Kind::SyncGroup, group.name(), violations),
        }
    }
    for schedule in &specs.snapshot_schedules {
        add(Kind::SnapshotSchedule, schedule.name(), snapshot_schedule(schedule).err().unwrap_or_default());
        add(Kind::SnapshotSchedule, schedule.name(), schedule_references(schedule, specs));
    }
    found
}
