//! The provider's gRPC service.

use tfplugin::tfplugin6::provider_server::Provider;
use tokio_util::sync::CancellationToken;

/// Answers the calls of Terraform.
#[derive(Debug)]
pub struct ProviderService {
    stop: CancellationToken,
}

impl ProviderService {
    /// A service whose running work is cancelled with `stop`.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop }
    }
}

#[tonic::async_trait]
impl Provider for ProviderService {}
