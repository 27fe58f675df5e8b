//! The provider's gRPC service: every method decodes, asks [`crate::lifecycle`], and encodes.
//!
//! What is wrong with a configuration, a document or a store is told in diagnostics, never in a gRPC status: a status
//! would lose the place in the configuration and, during an apply, the state. Even a panic becomes a diagnostic, one
//! that says it is our bug. Methods for things that this provider does not have answer `UNIMPLEMENTED`, or with a
//! diagnostic where a user can cause the call.

mod answer;
mod configured;
mod data;
mod function;
mod identity;
mod list;
mod resource;

use chrono::Utc;
use tfplugin::tfplugin6 as wire;
use tfplugin::tfplugin6::provider_server::Provider;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use self::answer::{Answer as _, answered, server_capabilities, unsupported};
use self::configured::Configured;
use crate::lifecycle::registry::Registry;
use crate::provider_config;

/// Answers the calls of Terraform.
pub struct ProviderService {
    registry: Registry,
    configured: Configured,
}

impl ProviderService {
    /// A service whose running work is cancelled with `stop`. `StopProvider` cancels the work that runs at that moment;
    /// calls that come later are served as ever.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { registry: Registry::new(), configured: Configured::new(stop) }
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Provider for ProviderService {
    async fn get_metadata(
        &self,
        _: Request<wire::get_metadata::Request>,
    ) -> Reply<wire::get_metadata::Response> {
        let resource = |name: &str| wire::get_metadata::ResourceMetadata { type_name: name.to_owned() };
        let source = |name: &str| wire::get_metadata::DataSourceMetadata { type_name: name.to_owned() };
        let listable = |name: &str| wire::get_metadata::ListResourceMetadata { type_name: name.to_owned() };
        let function = |name: &str| wire::get_metadata::FunctionMetadata { name: name.to_owned() };
        Ok(Response::new(wire::get_metadata::Response {
            server_capabilities: Some(server_capabilities()),
            resources: self.registry.resources().map(|known| resource(known.type_name())).collect(),
            data_sources: self.registry.data_sources().map(|known| source(known.type_name())).collect(),
            functions: self.registry.functions().map(|known| function(known.name())).collect(),
            list_resources: self.registry.resources().map(|known| listable(known.type_name())).collect(),
            ..Default::default()
        }))
    }

    async fn get_provider_schema(
        &self,
        _: Request<wire::get_provider_schema::Request>,
    ) -> Reply<wire::get_provider_schema::Response> {
        let resources =
            self.registry.resources().map(|known| (known.type_name().to_owned(), known.schema().into()));
        let sources =
            self.registry.data_sources().map(|known| (known.type_name().to_owned(), known.schema().into()));
        let searches = self
            .registry
            .resources()
            .map(|known| (known.type_name().to_owned(), known.search_schema().into()));
        Ok(Response::new(wire::get_provider_schema::Response {
            provider: Some((&provider_config::schema()).into()),
            resource_schemas: resources.collect(),
            data_source_schemas: sources.collect(),
            list_resource_schemas: searches.collect(),
            functions: function::signatures(&self.registry),
            server_capabilities: Some(server_capabilities()),
            ..Default::default()
        }))
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<wire::get_resource_identity_schemas::Request>,
    ) -> Reply<wire::get_resource_identity_schemas::Response> {
        let identity_schemas = identity::schemas(&self.registry);
        Ok(Response::new(wire::get_resource_identity_schemas::Response {
            identity_schemas,
            ..Default::default()
        }))
    }

    async fn validate_provider_config(
        &self,
        request: Request<wire::validate_provider_config::Request>,
    ) -> Reply<wire::validate_provider_config::Response> {
        let request = request.into_inner();
        answered(Default::default(), async {
            let config = answer::decode(request.config.as_ref(), &provider_config::schema().ty())?;
            Ok(wire::validate_provider_config::Response::default().with(&provider_config::validate(&config)))
        })
        .await
    }

    async fn configure_provider(
        &self,
        request: Request<wire::configure_provider::Request>,
    ) -> Reply<wire::configure_provider::Response> {
        let request = request.into_inner();
        answered(Default::default(), async {
            let config = answer::decode(request.config.as_ref(), &provider_config::schema().ty())?;
            self.configured.configure(&config)?;
            Ok(wire::configure_provider::Response::default())
        })
        .await
    }

    async fn stop_provider(
        &self,
        _: Request<wire::stop_provider::Request>,
    ) -> Reply<wire::stop_provider::Response> {
        self.configured.stop_running_work();
        Ok(Response::new(wire::stop_provider::Response::default()))
    }

    async fn validate_resource_config(
        &self,
        request: Request<wire::validate_resource_config::Request>,
    ) -> Reply<wire::validate_resource_config::Response> {
        let request = request.into_inner();
        answered(Default::default(), async { resource::validate(&self.registry, &request) }).await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<wire::upgrade_resource_state::Request>,
    ) -> Reply<wire::upgrade_resource_state::Response> {
        let request = request.into_inner();
        answered(Default::default(), async { resource::upgrade(&self.registry, &request) }).await
    }

    async fn read_resource(
        &self,
        request: Request<wire::read_resource::Request>,
    ) -> Reply<wire::read_resource::Response> {
        let request = request.into_inner();
        let unchanged = wire::read_resource::Response {
            new_state: request.current_state.clone(),
            private: request.private.clone(),
            ..Default::default()
        };
        answered(unchanged, resource::read(&self.registry, &self.configured, &request)).await
    }

    async fn plan_resource_change(
        &self,
        request: Request<wire::plan_resource_change::Request>,
    ) -> Reply<wire::plan_resource_change::Response> {
        let request = request.into_inner();
        answered(Default::default(), resource::plan(&self.registry, &self.configured, request)).await
    }

    async fn apply_resource_change(
        &self,
        request: Request<wire::apply_resource_change::Request>,
    ) -> Reply<wire::apply_resource_change::Response> {
        let request = request.into_inner();
        // what is still true when the work fails without a result
        let unchanged = wire::apply_resource_change::Response {
            new_state: request.prior_state.clone(),
            private: request.planned_private.clone(),
            ..Default::default()
        };
        answered(unchanged, resource::apply(&self.registry, &self.configured, &request, Utc::now())).await
    }

    async fn import_resource_state(
        &self,
        request: Request<wire::import_resource_state::Request>,
    ) -> Reply<wire::import_resource_state::Response> {
        let request = request.into_inner();
        answered(Default::default(), resource::import(&self.registry, &self.configured, &request)).await
    }

    async fn move_resource_state(
        &self,
        request: Request<wire::move_resource_state::Request>,
    ) -> Reply<wire::move_resource_state::Response> {
        let request = request.into_inner();
        answered(Default::default(), async { Err(resource::refuse_move(&request)) }).await
    }

    async fn generate_resource_config(
        &self,
        request: Request<wire::generate_resource_config::Request>,
    ) -> Reply<wire::generate_resource_config::Response> {
        let request = request.into_inner();
        answered(Default::default(), async { resource::generate(&self.registry, &request) }).await
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<wire::upgrade_resource_identity::Request>,
    ) -> Reply<wire::upgrade_resource_identity::Response> {
        let request = request.into_inner();
        answered(Default::default(), async {
            resource::named(&self.registry, &request.type_name)?;
            identity::upgrade(&request)
        })
        .await
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<wire::validate_data_resource_config::Request>,
    ) -> Reply<wire::validate_data_resource_config::Response> {
        let request = request.into_inner();
        answered(Default::default(), async { data::validate(&self.registry, &request) }).await
    }

    async fn read_data_source(
        &self,
        request: Request<wire::read_data_source::Request>,
    ) -> Reply<wire::read_data_source::Response> {
        let request = request.into_inner();
        answered(Default::default(), data::read(&self.registry, &self.configured, &request, Utc::now())).await
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<wire::validate_ephemeral_resource_config::Request>,
    ) -> Reply<wire::validate_ephemeral_resource_config::Response> {
        unsupported(&format!("The ephemeral resource {}.", request.into_inner().type_name))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<wire::open_ephemeral_resource::Request>,
    ) -> Reply<wire::open_ephemeral_resource::Response> {
        unsupported(&format!("The ephemeral resource {}.", request.into_inner().type_name))
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<wire::validate_list_resource_config::Request>,
    ) -> Reply<wire::validate_list_resource_config::Response> {
        let request = request.into_inner();
        answered(Default::default(), async { list::validate(&self.registry, &request) }).await
    }

    async fn list_resource(&self, request: Request<wire::list_resource::Request>) -> Reply<list::Events> {
        Ok(Response::new(list::list(&self.registry, &self.configured, &request.into_inner())))
    }

    async fn get_functions(
        &self,
        _: Request<wire::get_functions::Request>,
    ) -> Reply<wire::get_functions::Response> {
        let functions = function::signatures(&self.registry);
        Ok(Response::new(wire::get_functions::Response { functions, ..Default::default() }))
    }

    async fn call_function(
        &self,
        request: Request<wire::call_function::Request>,
    ) -> Reply<wire::call_function::Response> {
        Ok(Response::new(function::call(&self.registry, &request.into_inner()).await))
    }
}
