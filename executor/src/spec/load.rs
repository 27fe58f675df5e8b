use std::collections::BTreeMap;

use lakedr_control::digest::{self, NotCanonical};
use lakedr_control::group_log::FailureClass;
use lakedr_control::spec::{Kind, SyncGroupSpec};
use lakedr_control::store::{ControlStore, ControlStoreError, OpenError, open_doc_store};
use lakedr_control::tfstate::StateError;
use lakedr_control::validate::{self, Specs, ValidGroup, ValidLocation, Violation};
use lakedr_control::vault::Secrets;

use super::cloud_state::CloudStateError;
use super::source::{SpecSource, read_state};
use crate::error::Classify;

/// Why there are no specs.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The control store cannot be opened.
    #[error("the control store cannot be opened")]
    Open(#[from] OpenError),
    /// The control store cannot be read.
    #[error(transparent)]
    Control(#[from] ControlStoreError),
    /// The state cannot be read.
    #[error(
        "cannot read the Terraform state from {file}; give the path of a state file, or - for standard input"
    )]
    StateUnreadable {
        /// Where it should be.
        file: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The state cannot be had from its workspace.
    #[error(transparent)]
    Workspace(#[from] Box<CloudStateError>),
    /// The state is none.
    #[error(transparent)]
    State(#[from] StateError),
    /// A spec has no canonical form; a bug.
    #[error(transparent)]
    Digest(#[from] NotCanonical),
    /// Rules are broken.
    #[error("{source_name} holds specs that break rules:\n{}", render(violations))]
    Invalid {
        /// Where the specs come from.
        source_name: String,
        /// Kind and name of the document, and what is wrong.
        violations: Vec<(Kind, String, Violation)>,
    },
    /// A group that was asked for does not exist.
    #[error("there is no sync group {wanted:?} in {source_name}; it holds {}", list(known))]
    UnknownGroup {
        /// The group that was asked for.
        wanted: String,
        /// Where the specs come from.
        source_name: String,
        /// The groups there are.
        known: Vec<String>,
    },
    /// A region that no group has.
    #[error(
        "{wanted:?} is an unknown region: no sync group in {source_name} has it; they have {}",
        list(known)
    )]
    UnknownRegion {
        /// The region that was asked for.
        wanted: String,
        /// Where the specs come from.
        source_name: String,
        /// The regions there are.
        known: Vec<String>,
    },
}

impl Classify for LoadError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Control(cause) => cause.class(),
            Self::Workspace(cause) => cause.class(),
            _ => FailureClass::Configuration,
        }
    }
}

fn render(violations: &[(Kind, String, Violation)]) -> String {
    let lines: Vec<String> =
        violations.iter().map(|(kind, name, violation)| format!("  {kind} {name:?}, {violation}")).collect();
    lines.join("\n")
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Specs that keep every rule, and the groups that were asked for.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Where they come from, for messages.
    pub source_name: String,
    /// All specs, as written.
    pub specs: Specs,
    /// All external locations, by name.
    pub locations: BTreeMap<String, ValidLocation>,
    /// The groups that were asked for, in order of their names.
    pub groups: Vec<(SyncGroupSpec, ValidGroup)>,
    /// The secrets that the specs refer to.
    pub secrets: Secrets,
}

impl Loaded {
    /// Digest of a group's spec, the same as the `digest` of its document.
    ///
    /// # Errors
    /// When the spec has no canonical form; a bug.
    pub fn spec_digest(spec: &SyncGroupSpec) -> Result<String, NotCanonical> {
        digest::of_json(spec)
    }
}

/// Reads all specs, as they are.
///
/// # Errors
/// See [`LoadError`].
pub async fn read(source: &SpecSource) -> Result<Specs, LoadError> {
    match source {
        SpecSource::State(file) => Ok(read_state(file).await?.specs),
        SpecSource::Control(url) => {
            let control = ControlStore::new(open_doc_store(url, &BTreeMap::new())?);
            Ok(Specs {
                external_locations: control
                    .all()
                    .await?
                    .into_iter()
                    .map(|stored| stored.document.spec)
                    .collect(),
                sync_groups: control.all().await?.into_iter().map(|stored| stored.document.spec).collect(),
                snapshot_schedules: control
                    .all()
                    .await?
                    .into_iter()
                    .map(|stored| stored.document.spec)
                    .collect(),
            })
        }
    }
}

/// Reads all specs, checks every rule, and picks the groups named in `wanted` (all, when it is empty).
///
/// # Errors
/// See [`LoadError`]; all violations are reported at once.
pub async fn load(source: &SpecSource, wanted: &[String], region: Option<&str>) -> Result<Loaded, LoadError> {
    let specs = read(source).await?;
    let source_name = source.to_string();
    let violations = validate::validate_all(&specs);
    if !violations.is_empty() {
        return Err(LoadError::Invalid { source_name, violations });
    }
    let mut groups: Vec<(SyncGroupSpec, ValidGroup)> = specs
        .sync_groups
        .iter()
        .filter_map(|spec| Some((spec.clone(), validate::sync_group(spec).ok()?)))
        .collect();
    groups.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    check_region(&groups, region, &source_name)?;
    if let Some(missing) = wanted.iter().find(|name| !groups.iter().any(|(spec, _)| spec.name == **name)) {
        let known = groups.iter().map(|(spec, _)| spec.name.clone()).collect();
        return Err(LoadError::UnknownGroup { wanted: missing.clone(), source_name, known });
    }
    groups.retain(|(spec, _)| wanted.is_empty() || wanted.contains(&spec.name));
    let locations = specs
        .external_locations
        .iter()
        .filter_map(|spec| Some((spec.name.clone(), validate::external_location(spec).ok()?)))
        .collect();
    Ok(Loaded { source_name, specs, locations, groups, secrets: Secrets::of_process() })
}

fn check_region(
    groups: &[(SyncGroupSpec, ValidGroup)],
    region: Option<&str>,
    source_name: &str,
) -> Result<(), LoadError> {
    let Some(wanted) = region else { return Ok(()) };
    if groups.is_empty() || groups.iter().any(|(_, group)| group.side_of(wanted).is_some()) {
        return Ok(());
    }
    let mut known: Vec<String> =
        groups.iter().flat_map(|(_, g)| [g.primary.region.clone(), g.secondary.region.clone()]).collect();
    known.sort();
    known.dedup();
    Err(LoadError::UnknownRegion { wanted: wanted.to_owned(), source_name: source_name.to_owned(), known })
}
