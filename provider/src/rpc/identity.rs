//! The calls about identities, and identities in other calls.

use std::collections::BTreeMap;

use tfplugin::tfplugin6 as wire;

use super::answer::{decode, encode};
use crate::lifecycle::identity;
use crate::lifecycle::registry::Registry;
use crate::lifecycle::report::explain;
use crate::lifecycle::upgrade::UpgradeError;
use crate::wire::{Attribute, Diagnostic, Diagnostics, Value};

/// The identity schemas of all resource types.
pub(super) fn schemas(registry: &Registry) -> BTreeMap<String, wire::ResourceIdentitySchema> {
    registry.resources().map(|resource| (resource.type_name().to_owned(), schema())).collect()
}

fn schema() -> wire::ResourceIdentitySchema {
    let part = |attribute: &Attribute| wire::resource_identity_schema::IdentityAttribute {
        name: attribute.name.to_owned(),
        r#type: attribute.ty().to_string().into_bytes(),
        required_for_import: true,
        optional_for_import: false,
        description: attribute.documentation(),
    };
    let identity_attributes = identity::attributes().iter().map(part).collect();
    wire::ResourceIdentitySchema { version: identity::VERSION, identity_attributes }
}

/// The identity of the object that a state describes. `None` for no object.
pub(super) fn of(state: &Value) -> Result<Option<wire::ResourceIdentityData>, Diagnostics> {
    match identity::of(state) {
        Value::Null => Ok(None),
        identity => {
            let identity_data = Some(encode(&identity, &identity::ty())?);
            Ok(Some(wire::ResourceIdentityData { identity_data }))
        }
    }
}

/// The identity of the object that a plan describes. `None` while its name is unknown: Terraform 1.13 shows no plan that
/// holds an unknown identity, and OpenTofu 1.12 cannot keep one.
pub(super) fn planned(planned: &Value) -> Result<Option<wire::ResourceIdentityData>, Diagnostics> {
    if planned.attribute(identity::NAME).is_unknown() { Ok(None) } else { of(planned) }
}

/// The name that a user gave as an identity.
pub(super) fn name(given: &wire::ResourceIdentityData) -> Result<String, Diagnostics> {
    let identity = decode(given.identity_data.as_ref(), &identity::ty())?;
    identity.attribute(identity::NAME).as_str().map(str::to_owned).ok_or_else(|| {
        Diagnostic::error("Incomplete identity", "The identity has no name: identity = { name = \"…\" }.")
            .into()
    })
}

pub(super) fn upgrade(
    request: &wire::upgrade_resource_identity::Request,
) -> Result<wire::upgrade_resource_identity::Response, Diagnostics> {
    let failed = |error: UpgradeError| {
        Diagnostic::error(
            "Unreadable resource identity",
            format!("{}: {}.", request.type_name, explain(&error)),
        )
    };
    let stored = request.raw_identity.as_ref().filter(|raw| !raw.json.is_empty());
    let text = stored.map(|raw| String::from_utf8_lossy(&raw.json));
    let identity = identity::upgrade(request.version, text.as_deref()).map_err(failed)?;
    let identity_data = Some(encode(&identity, &identity::ty())?);
    Ok(wire::upgrade_resource_identity::Response {
        upgraded_identity: Some(wire::ResourceIdentityData { identity_data }),
        diagnostics: Vec::new(),
    })
}
