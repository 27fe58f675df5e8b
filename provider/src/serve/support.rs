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

/// Adds the services of go-plugin. `end` is cancelled when the host asks the process to end, and `hung_up` when a host that
/// had opened its stream of standard output no longer has it open.
pub(crate) async fn add_to(routes: Routes, end: CancellationToken, hung_up: CancellationToken) -> Routes {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(HEALTH_SERVICE, tonic_health::ServingStatus::Serving).await;
    routes
        .add_service(health)
        .add_service(GrpcControllerServer::new(Controller { end: end.clone() }))
        .add_service(GrpcBrokerServer::new(Broker { end: end.clone() }))
        .add_service(GrpcStdioServer::new(Stdio { end, hung_up }))
}

/// A stream that says nothing and ends with the process, so that it never holds up the end.
fn idle<T: Send + 'static>(end: impl Future<Output = ()> + Send + 'static) -> BoxStream<T> {
    Box::pin(stream::pending().take_until(end))
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
        Ok(Response::new(idle(self.end.clone().cancelled_owned())))
    }
}

struct Stdio {
    end: CancellationToken,
    hung_up: CancellationToken,
}

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<BoxStream<StdioData>>, Status> {
        let (end, open) = (self.end.clone(), self.hung_up.clone().drop_guard());
        Ok(Response::new(idle(async move {
            end.cancelled().await;
            drop(open);
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_has_hung_up_when_its_stream_is_gone_and_no_sooner() {
        let hung_up = CancellationToken::new();
        let service = Stdio { end: CancellationToken::new(), hung_up: hung_up.clone() };
        let stream = service.stream_stdio(Request::new(())).await.unwrap();
        assert!(!hung_up.is_cancelled());
        drop(stream);
        assert!(hung_up.is_cancelled());
    }
}
