//! The services of go-plugin beside the provider's own: end, broker, standard streams, health.

use futures::{StreamExt as _, stream};
use tfplugin::goplugin::grpc_broker_server::{GrpcBroker, GrpcBrokerServer};
use tfplugin::goplugin::grpc_controller_server::{GrpcController, GrpcControllerServer};
use tfplugin::goplugin::grpc_stdio_server::{GrpcStdio, GrpcStdioServer};
use tfplugin::goplugin::{ConnInfo, Empty, StdioData};
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

/// Name under which go-plugin asks for the health of a plugin.
const HEALTH_SERVICE: &str = "plugin";

/// Adds the services of go-plugin. `end` is cancelled when the host asks the process to end.
pub(crate) async fn add_to(routes: Routes, end: CancellationToken) -> Routes {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(HEALTH_SERVICE, tonic_health::ServingStatus::Serving).await;
    routes
        .add_service(health)
        .add_service(GrpcControllerServer::new(Controller { end: end.clone() }))
        .add_service(GrpcBrokerServer::new(Broker { end: end.clone() }))
        .add_service(GrpcStdioServer::new(Stdio { end }))
}

/// A stream that says nothing and ends with the process, so that it never holds up the end.
fn idle<T: Send + 'static>(end: CancellationToken) -> BoxStream<T> {
    Box::pin(stream::pending().take_until(end.cancelled_owned()))
}

struct Controller {
    end: CancellationToken,
}

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.end.cancel();
        Ok(Response::new(Empty {}))
    }
}

struct Broker {
    end: CancellationToken,
}

#[tonic::async_trait]
impl GrpcBroker for Broker {
    async fn start_stream(
        &self,
        _: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        Ok(Response::new(idle(self.end.clone())))
    }
}

struct Stdio {
    end: CancellationToken,
}

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<BoxStream<StdioData>>, Status> {
        Ok(Response::new(idle(self.end.clone())))
    }
}
