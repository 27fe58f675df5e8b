//! What is said about each call, as the SDKs of other providers do: an id, the method, how long it took.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tracing::field::Empty;
use tracing::{Instrument as _, trace, trace_span};
use uuid::Uuid;

/// The subsystem of the log that calls belong to, under the name that Terraform's own SDKs give it.
pub(crate) const SUBSYSTEM: &str = "sdk.proto";
const ADDRESS: &str = "registry.terraform.io/lakedr/lakedr";
const PROTOCOL: &str = "6.11";

/// A service whose calls are told in the log. Everything that is logged during a call carries its id.
#[derive(Clone)]
pub(crate) struct Told<S>(pub(crate) S);

impl<S: NamedService> NamedService for Told<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<http::Request<B>> for Told<S>
where
    S: Service<http::Request<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        let span = trace_span!(
            target: SUBSYSTEM, "call",
            tf_req_id = %Uuid::new_v4(),
            tf_rpc = method,
            tf_provider_addr = ADDRESS,
            tf_proto_version = PROTOCOL,
            tf_resource_type = Empty,
            tf_data_source_type = Empty,
        );
        let served = self.0.call(request);
        let told = async move {
            trace!(target: SUBSYSTEM, "Received request");
            let start = Instant::now();
            let answer = served.await;
            let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            trace!(target: SUBSYSTEM, tf_req_duration_ms = took, "Served request");
            answer
        };
        Box::pin(told.instrument(span))
    }
}
