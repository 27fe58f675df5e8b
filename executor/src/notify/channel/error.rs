use http::StatusCode;
use lakedr_control::notification::NoTarget;
use lakedr_control::secret::SecretRef;
use lakedr_control::service::ServiceError;
use lakedr_control::vault::SecretError;
use lettre::address::AddressError;

use super::server::MailServerError;

/// Why somebody could not be told. No variant holds a secret: of a URL there is scheme, host and port at most.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// It is no target.
    #[error("the declared target {0}")]
    Target(NoTarget),
    /// A secret holds something else.
    #[error(
        "the secret {reference} holds no target (its value is not shown): it has to be an https:// or slack+https:// URL, or \
         mailto:user@example.com"
    )]
    SecretTarget {
        /// The reference.
        reference: SecretRef,
    },
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The server does not take it.
    #[error(transparent)]
    Service(#[from] HiddenError),
    /// There is no mail server.
    #[error(transparent)]
    Server(#[from] MailServerError),
    /// An address is none.
    #[error("{address} is no mail address")]
    Address {
        /// The address.
        address: String,
        /// Why.
        #[source]
        cause: AddressError,
    },
    /// A mail cannot be put together.
    #[error("the mail cannot be written")]
    Mail(#[from] lettre::error::Error),
    /// The mail server does not take it.
    #[error("the mail server {server} does not take the mail")]
    Smtp {
        /// Host and port.
        server: String,
        /// What it says.
        #[source]
        cause: lettre::transport::smtp::Error,
    },
}

/// What came of a request whose URL is a secret.
#[derive(Debug, thiserror::Error)]
#[error("{place} {}", problem(*status, *answered))]
pub struct HiddenError {
    place: String,
    status: Option<StatusCode>,
    answered: bool,
}

impl HiddenError {
    /// `place` is what may be shown of the URL.
    pub(super) fn new(place: String, error: &ServiceError) -> Self {
        Self { place, status: error.status(), answered: !matches!(error, ServiceError::Connection { .. }) }
    }
}

fn problem(status: Option<StatusCode>, answered: bool) -> String {
    match status {
        Some(status) if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) => {
            format!("answers {status}; make the webhook anew and correct its URL")
        }
        Some(status) if matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) => {
            format!("answers {status}; correct the secret in its URL")
        }
        Some(status) => format!("answers {status}"),
        None if answered => "cannot be asked; correct its URL".to_owned(),
        None => "does not answer; check the address and the network".to_owned(),
    }
}
