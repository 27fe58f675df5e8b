//! Specs from Terraform state: a state file (format 4), or the output of `terraform show -json`.
//!
//! Either region can be rebuilt from it without any control store.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::spec::{ExternalLocationSpec, Kind, SnapshotScheduleSpec, SyncGroupSpec};
use crate::validate::Specs;

/// Attributes that lakedr computes; they are not part of a spec.
const COMPUTED: [&str; 5] = ["id", "generation", "digest", "effective_active_region", "epoch"];

/// State file format that this program reads.
const STATE_VERSION: u64 = 4;

/// Why a text is not a usable Terraform state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not JSON, or not the JSON of a state.
    #[error(
        "{place} is not a Terraform state: {problem}; give a state file of format {STATE_VERSION} or the output of `terraform show -json`"
    )]
    NotAState {
        /// File name, or `standard input`.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A state format that this program does not know.
    #[error(
        "{place} is a Terraform state of format {found}, this program reads format {STATE_VERSION}; run `terraform show -json` with the Terraform that wrote it and give its output"
    )]
    Version {
        /// File name, or `standard input`.
        place: String,
        /// Its format.
        found: u64,
    },
    /// Resources that do not have the attributes of this version.
    #[error("{place} holds resources that this program cannot read; it may be older than the provider that wrote them:\n{}", problems.join("\n"))]
    Resources {
        /// File name, or `standard input`.
        place: String,
        /// Address and problem of each.
        problems: Vec<String>,
    },
}

/// Specs of a state, and what the state says of their documents.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateSpecs {
    /// The specs.
    pub specs: Specs,
    /// Kind, name and generation of each, in the order of the state.
    pub generations: Vec<(Kind, String, u64)>,
}

#[derive(Deserialize)]
struct StateFile {
    #[serde(default)]
    resources: Vec<StateResource>,
}

#[derive(Deserialize)]
struct StateResource {
    #[serde(default)]
    module: Option<String>,
    mode: String,
    r#type: String,
    name: String,
    #[serde(default)]
    instances: Vec<StateInstance>,
}

#[derive(Deserialize)]
struct StateInstance {
    #[serde(default)]
    index_key: Option<Value>,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    values: Option<ShownValues>,
}

#[derive(Deserialize)]
struct ShownValues {
    #[serde(default)]
    root_module: ShownModule,
}

#[derive(Deserialize, Default)]
struct ShownModule {
    #[serde(default)]
    resources: Vec<ShownResource>,
    #[serde(default)]
    child_modules: Vec<ShownModule>,
}

#[derive(Deserialize)]
struct ShownResource {
    address: String,
    mode: String,
    r#type: String,
    #[serde(default)]
    values: Option<Map<String, Value>>,
}

/// One resource instance, whatever the format it came in.
struct Instance {
    address: String,
    kind: Kind,
    attributes: Map<String, Value>,
}

/// Reads the specs of a Terraform state. `place` says where the bytes come from.
///
/// # Errors
/// See [`StateError`]; all resources that cannot be read are reported at once.
pub fn parse(place: &str, bytes: &[u8]) -> Result<StateSpecs, StateError> {
    let not_a_state = |problem: String| StateError::NotAState { place: place.to_owned(), problem };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| not_a_state(error.to_string()))?;
    let Some(object) = value.as_object() else {
        return Err(not_a_state("it is not a JSON object".to_owned()));
    };
    let shown = object.contains_key("format_version");
    let instances = if shown {
        let shown: Shown = serde_json::from_value(value).map_err(|error| not_a_state(error.to_string()))?;
        let mut instances = Vec::new();
        collect_shown(shown.values.map(|values| values.root_module).unwrap_or_default(), &mut instances);
        instances
    } else {
        match object.get("version").and_then(Value::as_u64) {
            Some(STATE_VERSION) => {}
            Some(found) => return Err(StateError::Version { place: place.to_owned(), found }),
            None => return Err(not_a_state("it has neither `version` nor `format_version`".to_owned())),
        }
        let state: StateFile =
            serde_json::from_value(value).map_err(|error| not_a_state(error.to_string()))?;
        collect_state(state)
    };
    decode(place, instances)
}

fn kind_of(mode: &str, resource_type: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| mode == "managed" && kind.resource_type() == resource_type)
}

fn collect_state(state: StateFile) -> Vec<Instance> {
    let mut instances = Vec::new();
    for resource in state.resources {
        let Some(kind) = kind_of(&resource.mode, &resource.r#type) else { continue };
        let module = resource.module.map(|module| format!("{module}.")).unwrap_or_default();
        for instance in resource.instances {
            let index = instance.index_key.map(|key| format!("[{key}]")).unwrap_or_default();
            let address = format!("{module}{}.{}{index}", resource.r#type, resource.name);
            instances.extend(instance.attributes.map(|attributes| Instance { address, kind, attributes }));
        }
    }
    instances
}

fn collect_shown(module: ShownModule, instances: &mut Vec<Instance>) {
    for resource in module.resources {
        let Some(kind) = kind_of(&resource.mode, &resource.r#type) else { continue };
        let address = resource.address;
        instances.extend(resource.values.map(|attributes| Instance { address, kind, attributes }));
    }
    for child in module.child_modules {
        collect_shown(child, instances);
    }
}

fn decode(place: &str, instances: Vec<Instance>) -> Result<StateSpecs, StateError> {
    let mut found = StateSpecs::default();
    let mut problems = Vec::new();
    for Instance { address, kind, mut attributes } in instances {
        let generation = attributes.get("generation").and_then(Value::as_u64).unwrap_or(1);
        let name = attributes.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        for computed in COMPUTED {
            attributes.remove(computed);
        }
        let spec = without_nulls(Value::Object(attributes));
        let result = match kind {
            Kind::ExternalLocation => push::<ExternalLocationSpec>(spec, &mut found.specs.external_locations),
            Kind::SyncGroup => push::<SyncGroupSpec>(spec, &mut found.specs.sync_groups),
            Kind::SnapshotSchedule => push::<SnapshotScheduleSpec>(spec, &mut found.specs.snapshot_schedules),
        };
        match result {
            Ok(()) => found.generations.push((kind, name, generation)),
            Err(error) => problems.push(format!("{address}: {error}")),
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(StateError::Resources { place: place.to_owned(), problems })
    }
}

fn push<S: DeserializeOwned>(spec: Value, specs: &mut Vec<S>) -> Result<(), serde_json::Error> {
    specs.push(serde_json::from_value(spec)?);
    Ok(())
}

/// Terraform writes every attribute; an absent one is null.
#[must_use]
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCATION: &str = r#"{"id":"west","name":"west","region":"westus2","url":"s3://b/x","comment":null,"read_only":false,
        "storage_options":null,"secret_options":null,"skip_validation":false,"unity_catalog":null,"generation":4,"digest":"sha256:0"}"#;

    #[test]
    fn both_forms_give_the_same_specs() {
        let file = format!(
            r#"{{"version":4,"terraform_version":"1.11.4","resources":[
                {{"module":"module.dr","mode":"managed","type":"lakedr_external_location","name":"west","provider":"p",
                  "instances":[{{"schema_version":0,"attributes":{LOCATION}}}]}},
                {{"mode":"data","type":"lakedr_sync_status","name":"x","instances":[{{"attributes":{{}}}}]}},
                {{"mode":"managed","type":"aws_instance","name":"x","instances":[{{"attributes":{{}}}}]}}]}}"#
        );
        let shown = format!(
            r#"{{"format_version":"1.0","values":{{"root_module":{{"child_modules":[{{"address":"module.dr","resources":[
                {{"address":"module.dr.lakedr_external_location.west","mode":"managed","type":"lakedr_external_location",
                  "name":"west","values":{LOCATION}}}]}}]}}}}}}"#
        );
        let from_file = parse("f", file.as_bytes()).unwrap();
        assert_eq!(from_file, parse("s", shown.as_bytes()).unwrap());
        assert_eq!(from_file.specs.external_locations[0].name, "west");
        assert_eq!(from_file.generations, [(Kind::ExternalLocation, "west".to_owned(), 4)]);
    }

    #[test]
    fn what_is_no_state_is_refused_with_what_to_give() {
        for (bytes, part) in [
            ("", "EOF"),
            ("[]", "not a JSON object"),
            ("{}", "neither"),
            (r#"{"version":3}"#, "format 3"),
            (
                r#"{"version":4,"resources":[{"mode":"managed","type":"lakedr_external_location","name":"w","instances":[{"attributes":{"name":"w"}}]}]}"#,
                "lakedr_external_location.w: missing field `region`",
            ),
        ] {
            let message = parse("terraform.tfstate", bytes.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("terraform.tfstate"), "{message}");
        }
    }
}
