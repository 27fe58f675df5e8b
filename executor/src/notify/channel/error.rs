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

impl ChannelError {
    /// Whether the target has refused this one notice, and may take another.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Service(error) => error.status.is_some_and(refuses_what_it_was_sent),
            Self::Smtp { cause, .. } => {
                cause.status().is_some_and(|code| refuses_the_mail(&code.to_string()))
            }
            Self::Mail(_) => true,
            _ => false,
        }
    }
}

/// Whether a status is about what was sent, and not about who sent it, where to, or when.
fn refuses_what_it_was_sent(status: StatusCode) -> bool {
    let about_the_rest = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::GONE,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_client_error() && !about_the_rest.contains(&status)
}

/// Whether a mail server's code is a refusal for good of one mail. Those of logins (RFC 4954: 530, 534, 535, 538) are about
/// every mail, and trying on may lock the account.
fn refuses_the_mail(code: &str) -> bool {
    code.starts_with('5') && !["530", "534", "535", "538"].contains(&code)
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

    /// What came of it was this answer.
    #[cfg(test)]
    pub(super) fn answered(place: &str, status: StatusCode) -> Self {
        Self { place: place.to_owned(), status: Some(status), answered: true }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_about_one_notice_alone() {
        for (status, refused) in [
            (400, true),
            (413, true),
            (422, true),
            (401, false),
            (403, false),
            (404, false),
            (408, false),
            (410, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            assert_eq!(refuses_what_it_was_sent(StatusCode::from_u16(status).unwrap()), refused, "{status}");
        }
        for (code, refused) in [("552", true), ("554", true), ("550", true), ("535", false), ("451", false)] {
            assert_eq!(refuses_the_mail(code), refused, "{code}");
        }
    }
}
