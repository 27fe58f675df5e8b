//! `from_dr_sync_config`: the configuration of `dr_sync_job` as attributes of our resources.

use lakedr_control::dr_sync::{Imported, Places, import};
use lakedr_control::spec::Spec;
use serde_json::{Map, Value as Json, json};

use super::call::{Function, FunctionError, Parameter, Signature};
use crate::lifecycle::document::DocumentKind;
use crate::resource::{ExternalLocation, SyncGroup};
use crate::wire::schema::object_type;
use crate::wire::{Attribute, Type, Value, json as codec};

/// The function `from_dr_sync_config`.
#[derive(Debug)]
pub struct FromDrSyncConfig {
    signature: Signature,
}

impl FromDrSyncConfig {
    /// The function.
    #[must_use]
    pub fn new() -> Self {
        Self {
            signature: Signature {
                summary: "Converts a configuration of dr_sync_job to attributes of lakedr resources",
                description: "Converts the JSON configuration of `dr_sync_job` to an object with the following attributes:\n\n\
                    - `external_locations` (Map of Object) Arguments of `lakedr_external_location` resources, by name.\n\
                    - `sync_groups` (Map of Object) Arguments of `lakedr_sync_group` resources, by name.\n\
                    - `notes` (List of String) What has another meaning here, and what must be completed.\n\n\
                    The configuration of `dr_sync_job` does not contain regions, for which `primary` and `secondary` stand in, \
                    or the workspace of the secondary region. [Coming from \
                    dr_sync_job](https://github.com/lakedr/lakedr/blob/main/docs/coming-from-dr-sync.md) explains every field.",
                parameters: vec![Parameter {
                    name: "json",
                    ty: Type::String,
                    description: "Configuration of `dr_sync_job` in JSON, for example `file(\"config.json\")`.",
                }],
                result: Type::Object(
                    [
                        ("external_locations".to_owned(), Type::map(attributes_of::<ExternalLocation>())),
                        ("sync_groups".to_owned(), Type::map(attributes_of::<SyncGroup>())),
                        ("notes".to_owned(), Type::list(Type::String)),
                    ]
                    .into(),
                ),
            },
        }
    }
}

impl Default for FromDrSyncConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// What can be configured of a resource.
fn attributes_of<K: DocumentKind>() -> Type {
    let attributes = K::schema().attributes.into_iter().filter(Attribute::is_configurable);
    object_type(&attributes.collect::<Vec<_>>())
}

fn by_name<S: Spec>(specs: &[S]) -> Result<Json, serde_json::Error> {
    let entries = specs.iter().map(|spec| Ok((spec.name().to_owned(), serde_json::to_value(spec)?)));
    Ok(Json::Object(entries.collect::<Result<Map<_, _>, serde_json::Error>>()?))
}

fn result(imported: &Imported) -> Result<String, serde_json::Error> {
    let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
    let result = json!({
        "external_locations": by_name(&imported.external_locations)?,
        "sync_groups": by_name(&imported.sync_groups)?,
        "notes": notes,
    });
    Ok(result.to_string())
}

impl Function for FromDrSyncConfig {
    fn name(&self) -> &'static str {
        "from_dr_sync_config"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let text = arguments.first().and_then(Value::as_str).unwrap_or_default();
        let imported =
            import(text, &Places::default()).map_err(|error| FunctionError::of_argument(0, &error))?;
        let bug = |error: &dyn std::error::Error| FunctionError {
            argument: None,
            text: format!("The result does not fit its type, which is a bug in the provider: {error}."),
        };
        let text = result(&imported).map_err(|error| bug(&error))?;
        codec::decode(&text, &self.signature.result).map_err(|error| bug(&error))
    }
}
