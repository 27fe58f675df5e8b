//! The calls about searches.

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tfplugin::tfplugin6 as wire;
use tonic::Status;

use super::answer::{decode, encode};
use super::configured::Configured;
use super::{identity, resource};
use crate::lifecycle::identity::NAME;
use crate::lifecycle::list::{Found, Search};
use crate::lifecycle::registry::Registry;
use crate::lifecycle::session::unless_stopped;
use crate::serve::crash::guarded;
use crate::wire::{Diagnostic, Diagnostics, Type, Value};

/// The events of one search.
pub(super) type Events = BoxStream<'static, Result<wire::list_resource::Event, Status>>;

pub(super) fn validate(
    registry: &Registry,
    request: &wire::validate_list_resource_config::Request,
) -> Result<wire::validate_list_resource_config::Response, Diagnostics> {
    let schema = resource::named(registry, &request.type_name)?.search_schema();
    decode(request.config.as_ref(), &schema.ty())?;
    Ok(wire::validate_list_resource_config::Response::default())
}

/// Begins a search. What goes wrong is the last event.
pub(super) fn list(
    registry: &Registry,
    configured: &Configured,
    request: &wire::list_resource::Request,
) -> Events {
    begin(registry, configured, request).unwrap_or_else(|errors| stream::iter([Ok(told(&errors))]).boxed())
}

fn begin(
    registry: &Registry,
    configured: &Configured,
    request: &wire::list_resource::Request,
) -> Result<Events, Diagnostics> {
    let resource = resource::named(registry, &request.type_name)?;
    let config = decode(request.config.as_ref(), &resource.search_schema().ty())?;
    let found = resource.list(configured.session()?, search(&config, request));
    let ty = resource.ty().clone();
    let stop = configured.stop();
    let events = stream::unfold(Some(found), move |open| {
        let stop = stop.clone();
        async move {
            let mut found = open?;
            match guarded(unless_stopped(&stop, found.next())).await {
                Ok(Ok(None)) => None,
                Ok(Ok(Some(next))) => Some((next, Some(found))),
                Ok(Err(_)) => {
                    Some((Err(Diagnostic::error("Interrupted", "Terraform was interrupted.")), None))
                }
                Err(panicked) => Some((Err(Diagnostic::bug(panicked)), None)),
            }
        }
    });
    Ok(events.map(move |next| Ok(event(next, &ty))).boxed())
}

fn search(config: &Value, request: &wire::list_resource::Request) -> Search {
    let wanted = usize::try_from(request.limit).unwrap_or(0);
    Search {
        name_prefix: config.attribute("name_prefix").as_str().unwrap_or_default().to_owned(),
        // no limit is sent as 0
        limit: if wanted == 0 { usize::MAX } else { wanted },
        objects: request.include_resource_object,
    }
}

fn event(next: Result<Found, Diagnostic>, ty: &Type) -> wire::list_resource::Event {
    next.map_err(Diagnostics::from)
        .and_then(|found| encoded(found, ty))
        .unwrap_or_else(|errors| told(&errors))
}

fn encoded(found: Found, ty: &Type) -> Result<wire::list_resource::Event, Diagnostics> {
    let named = Value::object([(NAME, found.name.as_str().into())]);
    let mut event = wire::list_resource::Event {
        identity: identity::of(&named)?,
        display_name: found.name,
        ..Default::default()
    };
    if let Some(object) = found.object {
        // Terraform 1.13 crashes on an object that it asked for and that is not there: of a document that cannot be
        // read there is at least the name
        let state = if object.state.is_null() { only_named(&named, ty) } else { object.state };
        event.resource_object = Some(encode(&state, ty)?);
        // an error would end the search: one document that cannot be read does not keep others from being found
        let said = object.diagnostics.iter().map(|said| Diagnostic::warning(&said.summary, &said.detail));
        event.diagnostic = said.map(|said| wire::Diagnostic::from(&said)).collect();
    }
    Ok(event)
}

/// An object of the type of which nothing but the name is known.
fn only_named(named: &Value, ty: &Type) -> Value {
    let Type::Object(attributes) = ty else { return Value::Null };
    Value::object(attributes.keys().map(|name| (name, named.attribute(name).clone())))
}

fn told(errors: &Diagnostics) -> wire::list_resource::Event {
    wire::list_resource::Event { diagnostic: errors.into(), ..Default::default() }
}
