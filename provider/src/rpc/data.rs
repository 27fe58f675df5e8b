//! The calls about data sources.

use chrono::{DateTime, Utc};
use tfplugin::tfplugin6 as wire;

use super::answer::{Answer as _, about, decode, encode};
use super::configured::Configured;
use crate::data::DataSource;
use crate::lifecycle::check::check_known;
use crate::lifecycle::registry::Registry;
use crate::lifecycle::session::unless_stopped;
use crate::wire::{Diagnostic, Diagnostics};

fn source<'r>(registry: &'r Registry, type_name: &str) -> Result<&'r dyn DataSource, Diagnostics> {
    about("tf_data_source_type", type_name);
    registry.data_source(type_name).ok_or_else(|| {
        Diagnostic::error(
            "Unsupported data source",
            format!("The lakedr provider has no data source {type_name:?}."),
        )
        .into()
    })
}

pub(super) fn validate(
    registry: &Registry,
    request: &wire::validate_data_resource_config::Request,
) -> Result<wire::validate_data_resource_config::Response, Diagnostics> {
    let source = source(registry, &request.type_name)?;
    let config = decode(request.config.as_ref(), &source.schema().ty())?;
    Ok(wire::validate_data_resource_config::Response::default().with(&source.validate(&config)))
}

pub(super) async fn read(
    registry: &Registry,
    configured: &Configured,
    request: &wire::read_data_source::Request,
    at: DateTime<Utc>,
) -> Result<wire::read_data_source::Response, Diagnostics> {
    let source = source(registry, &request.type_name)?;
    let ty = source.schema().ty();
    let config = decode(request.config.as_ref(), &ty)?;
    let session = configured.session()?;
    let looked = unless_stopped(&configured.stop(), source.read(&session, &config, at)).await;
    let looked = looked.map_err(|_| Diagnostic::error("Interrupted", "Terraform was interrupted."))?;
    check_known(&looked.state).map_err(Diagnostic::bug)?;
    let answer =
        wire::read_data_source::Response { state: Some(encode(&looked.state, &ty)?), ..Default::default() };
    Ok(answer.with(&looked.diagnostics))
}
