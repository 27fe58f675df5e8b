//! The calls about resources.

use chrono::{DateTime, Utc};
use tfplugin::tfplugin6 as wire;

use super::answer::{Answer as _, about, decode, encode};
use super::configured::Configured;
use super::identity;
use crate::lifecycle::apply::ApplyRequest;
use crate::lifecycle::check::{check_known, check_plan};
use crate::lifecycle::document::{Outcome, Resource};
use crate::lifecycle::generate::generate as generate_config;
use crate::lifecycle::plan::{PlanRequest, plan as plan_change};
use crate::lifecycle::private::Private;
use crate::lifecycle::registry::Registry;
use crate::lifecycle::report::explain;
use crate::lifecycle::session::{Interrupted, unless_stopped};
use crate::lifecycle::upgrade::{UpgradeError, upgrade as upgrade_state};
use crate::wire::{Diagnostic, Diagnostics};

pub(super) fn named<'r>(registry: &'r Registry, type_name: &str) -> Result<&'r dyn Resource, Diagnostics> {
    about("tf_resource_type", type_name);
    registry.resource(type_name).ok_or_else(|| {
        Diagnostic::error(
            "Unsupported resource type",
            format!("The lakedr provider has no resource {type_name:?}."),
        )
        .into()
    })
}

pub(super) fn validate(
    registry: &Registry,
    request: &wire::validate_resource_config::Request,
) -> Result<wire::validate_resource_config::Response, Diagnostics> {
    let resource = named(registry, &request.type_name)?;
    let config = decode(request.config.as_ref(), resource.ty())?;
    Ok(wire::validate_resource_config::Response::default().with(&resource.validate(&config)))
}

pub(super) fn upgrade(
    registry: &Registry,
    request: &wire::upgrade_resource_state::Request,
) -> Result<wire::upgrade_resource_state::Response, Diagnostics> {
    let resource = named(registry, &request.type_name)?;
    let failed = |error: UpgradeError| {
        Diagnostic::error("Unreadable resource state", format!("{}: {}.", request.type_name, explain(&error)))
    };
    let raw = request.raw_state.as_ref();
    if raw.is_some_and(|raw| !raw.flatmap.is_empty()) {
        return Err(failed(UpgradeError::Flatmap).into());
    }
    let text = raw.filter(|raw| !raw.json.is_empty()).map(|raw| String::from_utf8_lossy(&raw.json));
    let ty = resource.ty();
    let newest = resource.schema().version;
    let state = upgrade_state(newest, ty, request.version, text.as_deref()).map_err(failed)?;
    Ok(wire::upgrade_resource_state::Response {
        upgraded_state: Some(encode(&state, ty)?),
        diagnostics: Vec::new(),
    })
}

pub(super) async fn read(
    registry: &Registry,
    configured: &Configured,
    request: &wire::read_resource::Request,
) -> Result<wire::read_resource::Response, Diagnostics> {
    let resource = named(registry, &request.type_name)?;
    let ty = resource.ty();
    let known = decode(request.current_state.as_ref(), ty)?;
    let session = configured.session()?;
    let reading = resource.read(&session, known, Private::decode(&request.private));
    let outcome = unless_stopped(&configured.stop(), reading).await.map_err(interrupted)?;
    check_known(&outcome.state).map_err(Diagnostic::bug)?;
    let answer = wire::read_resource::Response {
        new_state: Some(encode(&outcome.state, ty)?),
        private: outcome.private.encode(),
        new_identity: identity::of(&outcome.state)?,
        ..Default::default()
    };
    Ok(answer.with(&outcome.diagnostics))
}

pub(super) async fn plan(
    registry: &Registry,
    configured: &Configured,
    request: wire::plan_resource_change::Request,
) -> Result<wire::plan_resource_change::Response, Diagnostics> {
    let resource = named(registry, &request.type_name)?;
    let (schema, ty) = (resource.schema(), resource.ty());
    let prior = decode(request.prior_state.as_ref(), ty)?;
    let proposed = decode(request.proposed_new_state.as_ref(), ty)?;
    let config = decode(request.config.as_ref(), ty)?;
    let rewrite = Private::decode(&request.prior_private).damaged;
    let plan =
        plan_change(schema, PlanRequest { prior: &prior, proposed: &proposed, config: &config, rewrite });
    check_plan(schema, &prior, &config, &plan.planned).map_err(Diagnostic::bug)?;
    let answer = wire::plan_resource_change::Response {
        planned_state: Some(encode(&plan.planned, ty)?),
        requires_replace: plan.requires_replace.iter().map(Into::into).collect(),
        planned_private: request.prior_private,
        planned_identity: identity::planned(&plan.planned)?,
        ..Default::default()
    };
    // what is planned depends on nothing else, and what is said about it may
    let Some(session) = configured.ready().filter(|_| !plan.planned.is_null() && plan.planned != prior)
    else {
        return Ok(answer);
    };
    let foreseen = unless_stopped(&configured.stop(), resource.foresee(&session, &plan.planned)).await;
    Ok(answer.with(&foreseen.map_err(interrupted)?))
}

pub(super) async fn apply(
    registry: &Registry,
    configured: &Configured,
    request: &wire::apply_resource_change::Request,
    at: DateTime<Utc>,
) -> Result<wire::apply_resource_change::Response, Diagnostics> {
    let resource = named(registry, &request.type_name)?;
    let ty = resource.ty();
    let prior = decode(request.prior_state.as_ref(), ty)?;
    let planned = decode(request.planned_state.as_ref(), ty)?;
    let session = configured.session()?;
    let stop = configured.stop();
    let private = Private::decode(&request.planned_private);
    let outcome = resource
        .apply(&session, ApplyRequest { prior: &prior, planned: &planned, private, stop: &stop, at })
        .await;
    let answer = wire::apply_resource_change::Response {
        new_state: Some(encode(&outcome.state, ty)?),
        private: outcome.private.encode(),
        new_identity: identity::of(&outcome.state)?,
        ..Default::default()
    };
    Ok(answer.with(&outcome.diagnostics))
}

pub(super) async fn import(
    registry: &Registry,
    configured: &Configured,
    request: &wire::import_resource_state::Request,
) -> Result<wire::import_resource_state::Response, Diagnostics> {
    let resource = named(registry, &request.type_name)?;
    let session = configured.session()?;
    // by identity there is no id
    let name = match &request.identity {
        Some(given) if request.id.is_empty() => identity::name(given)?,
        _ => request.id.clone(),
    };
    let importing = resource.import(&session, &name);
    let Outcome { state, private, diagnostics } =
        unless_stopped(&configured.stop(), importing).await.map_err(interrupted)?;
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let imported = wire::import_resource_state::ImportedResource {
        type_name: request.type_name.clone(),
        state: Some(encode(&state, resource.ty())?),
        private: private.encode(),
        identity: identity::of(&state)?,
    };
    let answer =
        wire::import_resource_state::Response { imported_resources: vec![imported], ..Default::default() };
    Ok(answer.with(&diagnostics))
}

pub(super) fn generate(
    registry: &Registry,
    request: &wire::generate_resource_config::Request,
) -> Result<wire::generate_resource_config::Response, Diagnostics> {
    let resource = named(registry, &request.type_name)?;
    let state = decode(request.state.as_ref(), resource.ty())?;
    let config = encode(&generate_config(resource.schema(), &state), resource.ty())?;
    Ok(wire::generate_resource_config::Response { config: Some(config), ..Default::default() })
}

/// Nothing that another type's state says would make a document of ours.
pub(super) fn refuse_move(request: &wire::move_resource_state::Request) -> Diagnostics {
    let wire::move_resource_state::Request { source_type_name, target_type_name, .. } = request;
    Diagnostic::error(
        "Resource cannot be moved to this type",
        format!(
            "A {source_type_name} of {} says nothing that a {target_type_name} could be made of. Remove the moved block. \
             An existing document is imported by its name: import {{ to = {target_type_name}.<label>, identity = \
             {{ name = \"<name>\" }} }}.",
            request.source_provider_address
        ),
    )
    .into()
}

fn interrupted(_: Interrupted) -> Diagnostic {
    Diagnostic::error("Interrupted", "Terraform was interrupted; nothing has changed.")
}
