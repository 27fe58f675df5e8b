//! The file, read as the job reads it: what it cannot do without stops the reading, the rest has defaults.

use std::fmt;

use serde_json::Value;

use super::fields::Fields;
use super::note::{Concern, Note};

/// Minutes between two syncs when the file does not say, in the job's code.
const INTERVAL: u32 = 720;
/// Minutes after which the job copies whatever there is, in the job's code.
const FAILOVER_INTERVAL: u32 = 2160;
/// Retries when the file does not say, in the job's code.
const RETRIES: u32 = 3;

/// One thing that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `workspaces[0].sync_groups[1].tables`
    pub place: String,
    /// What.
    pub what: String,
}

impl Problem {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.what)
    }
}

/// The file is no configuration that could be turned into ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is no JSON.
    #[error("the configuration is not JSON: {cause}")]
    NotJson {
        /// Where and why.
        cause: String,
    },
    /// Its content.
    #[error("the configuration of dr_sync_job cannot be read: {}", list(problems))]
    Content {
        /// All of them.
        problems: Vec<Problem>,
    },
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The file.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) scope: String,
    pub(super) workspaces: Vec<Workspace>,
}

#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) place: String,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) key: String,
    pub(super) primary: String,
    pub(super) secondary: String,
    pub(super) on_failure: Vec<String>,
    pub(super) on_success: Vec<String>,
    pub(super) interval: u32,
    pub(super) failover_interval: u32,
    pub(super) retries: u32,
    pub(super) groups: Vec<Group>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) place: String,
    pub(super) name: String,
    pub(super) owner: Option<String>,
    pub(super) workflow: Option<String>,
    pub(super) tables: Vec<(String, String)>,
}

/// Reads the file.
///
/// # Errors
/// Everything that is missing or malformed, at once.
pub(super) fn read(text: &str, notes: &mut Vec<Note>) -> Result<Config, Rejected> {
    let value: Value =
        serde_json::from_str(text).map_err(|cause| Rejected::NotJson { cause: cause.to_string() })?;
    let mut problems = Vec::new();
    match config(value, &mut problems, notes) {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(Rejected::Content { problems }),
    }
}

fn config(value: Value, found: &mut Vec<Problem>, notes: &mut Vec<Note>) -> Option<Config> {
    let mut fields = Fields::of("", value, found)?;
    let scope = fields.needed("secret_scope", found);
    let workspaces = elements(&mut fields, "workspaces", found)
        .into_iter()
        .filter_map(|(place, value)| workspace(place, value, found, notes))
        .collect();
    unknown(&fields, notes);
    Some(Config { scope: scope?, workspaces })
}

/// A list that must not be empty.
fn elements(fields: &mut Fields, name: &str, found: &mut Vec<Problem>) -> Vec<(String, Value)> {
    let before = found.len();
    let items = fields.list(name, found).unwrap_or_default();
    if items.is_empty() && found.len() == before {
        found.push(Problem::new(fields.place(name), "is missing or empty"));
    }
    items
}

fn workspace(
    place: String,
    value: Value,
    found: &mut Vec<Problem>,
    notes: &mut Vec<Note>,
) -> Option<Workspace> {
    let mut fields = Fields::of(&place, value, found)?;
    let name = fields.needed("workspace_name", found);
    let url = fields.needed("workspace_instance_url", found);
    let key = fields.needed("workspace_pat_key", found);
    let primary = fields.needed("sync_location_primary", found);
    let secondary = fields.needed("sync_location_secondary", found);
    let on_failure = fields.texts("sync_failure_notification", found);
    let on_success = fields.texts("sync_success_notification", found);
    let interval = minutes(&mut fields, "sync_interval_mins", INTERVAL, found, notes);
    let failover_interval =
        minutes(&mut fields, "sync_failover_interval_mins", FAILOVER_INTERVAL, found, notes);
    let retries = fields.whole("sync_max_retries", found).unwrap_or_else(|| {
        defaulted(&fields, "sync_max_retries", RETRIES, notes);
        RETRIES
    });
    let groups = elements(&mut fields, "sync_groups", found)
        .into_iter()
        .filter_map(|(place, value)| group(place, value, found, notes))
        .collect();
    unknown(&fields, notes);
    Some(Workspace {
        place,
        name: name?,
        url: url?,
        key: key?,
        primary: primary?,
        secondary: secondary?,
        on_failure,
        on_success,
        interval,
        failover_interval,
        retries,
        groups,
    })
}

fn group(place: String, value: Value, found: &mut Vec<Problem>, notes: &mut Vec<Note>) -> Option<Group> {
    let mut fields = Fields::of(&place, value, found)?;
    let name = fields.needed("group_name", found);
    let owner = fields.text("group_owner_email", found);
    let workflow = fields.text("workflow", found);
    let mut tables = Vec::new();
    for (place, table) in elements(&mut fields, "tables", found) {
        match table {
            Value::String(table) => tables.push((place, table.trim().to_owned())),
            _ => found.push(Problem::new(place, "is not a text")),
        }
    }
    unknown(&fields, notes);
    Some(Group { place, name: name?, owner, workflow, tables })
}

/// Minutes above zero.
fn minutes(
    fields: &mut Fields,
    name: &str,
    default: u32,
    found: &mut Vec<Problem>,
    notes: &mut Vec<Note>,
) -> u32 {
    match fields.whole(name, found) {
        Some(0) => {
            found.push(Problem::new(fields.place(name), "is 0; give the minutes between two syncs"));
            default
        }
        Some(minutes) => minutes,
        None => {
            defaulted(fields, name, default, notes);
            default
        }
    }
}

fn defaulted(fields: &Fields, name: &str, default: u32, notes: &mut Vec<Note>) {
    let text = format!("absent, so the default of the job's code was taken: {default}");
    notes.push(Note { field: fields.place(name), concern: Concern::Default, text });
}

fn unknown(fields: &Fields, notes: &mut Vec<Note>) {
    notes.extend(fields.unknown().map(|field| Note {
        field,
        concern: Concern::Dropped,
        text: "dr_sync_job has no such field, and it was left out".to_owned(),
    }));
}
