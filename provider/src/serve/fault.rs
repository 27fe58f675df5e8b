//! Panics on demand, so that a test can see what users see of them. Exists in debug builds only.

use std::task::{Context, Poll};

use tonic::codegen::{Service, http};
use tonic::server::NamedService;

/// Names the method in which to crash, such as `PlanResourceChange`.
pub(crate) const METHOD: &str = "LAKEDR_TEST_PANIC_IN";

/// Names the answer in whose making to panic, such as `apply_resource_change`.
const ANSWER: &str = "LAKEDR_TEST_PANIC_WHILE_MAKING";

/// Panics if an answer of this type is the one that [`ANSWER`] names.
#[expect(clippy::panic, reason = "to panic is what this function is for")]
pub(crate) fn strike<A>() {
    let named = super::environment::variable(ANSWER);
    if named.is_some_and(|name| std::any::type_name::<A>().contains(&format!("::{name}::"))) {
        panic!("asked to by {ANSWER}");
    }
}

/// A service that panics when one of its methods is called.
#[derive(Clone)]
pub(crate) struct PanicsIn<S> {
    service: S,
    method: Option<String>,
}

impl<S> PanicsIn<S> {
    /// Without a method the service is unchanged.
    pub(crate) fn new(service: S, method: Option<String>) -> Self {
        Self { service, method }
    }
}

impl<S: NamedService> NamedService for PanicsIn<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: Service<http::Request<B>>, B> Service<http::Request<B>> for PanicsIn<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    #[expect(clippy::panic, reason = "to panic is what this service is for")]
    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let called = request.uri().path().rsplit('/').next();
        if called.is_some() && called == self.method.as_deref() {
            panic!("asked to by {METHOD}");
        }
        self.service.call(request)
    }
}
