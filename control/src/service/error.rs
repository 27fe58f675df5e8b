use std::time::Duration;

use http::StatusCode;
use object_store::client::HttpError;

/// Why a service gives no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A request cannot be put together.
    #[error("{url} cannot be asked: {problem}")]
    Request {
        /// What was to be asked.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// There is no answer.
    #[error("no answer from {url}")]
    Connection {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        cause: HttpError,
    },
    /// The answer is no success.
    #[error("{url} answers {status}{}", said(code, message))]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: StatusCode,
        /// The service's own code of the error; may be empty.
        code: String,
        /// What the service says of it; may be empty.
        message: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the API says.
    #[error("{url} answers what is no answer to the question")]
    Malformed {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
}

fn said(code: &str, message: &str) -> String {
    let parts: Vec<&str> = [code, message].into_iter().filter(|part| !part.is_empty()).collect();
    parts.iter().map(|part| format!(": {part}")).collect()
}

impl ServiceError {
    /// The status of an answer that was no success.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// How long the service asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the same question may get another answer in a while.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            Self::Request { .. } | Self::Malformed { .. } => false,
        }
    }

    /// Whether the service says that it knows the call, and has nothing of that name. A server that does not know the
    /// call answers 404 too.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        let Self::Status { status, code, .. } = self else { return false };
        let absent = code.contains("NOT_FOUND") || code.contains("DOES_NOT_EXIST");
        *status == StatusCode::NOT_FOUND && absent && code != "ENDPOINT_NOT_FOUND"
    }

    /// Whether the service refuses the caller.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.status(), Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpErrorKind;

    use super::*;

    fn status(status: StatusCode, code: &str) -> ServiceError {
        ServiceError::Status {
            url: "https://uc/tables/a.b.c".to_owned(),
            status,
            code: code.to_owned(),
            message: "not you".to_owned(),
            retry_after: None,
        }
    }

    #[test]
    fn what_a_status_means() {
        assert!(status(StatusCode::NOT_FOUND, "NOT_FOUND").is_absent());
        assert!(status(StatusCode::NOT_FOUND, "TABLE_DOES_NOT_EXIST").is_absent());
        assert!(!status(StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND").is_absent());
        assert!(!status(StatusCode::NOT_FOUND, "").is_absent());
        assert!(status(StatusCode::TOO_MANY_REQUESTS, "").passes());
        assert!(status(StatusCode::SERVICE_UNAVAILABLE, "").passes());
        assert!(!status(StatusCode::BAD_REQUEST, "").passes());
        assert!(status(StatusCode::FORBIDDEN, "").is_denied());
    }

    /// The name of a variant. One that is new does not compile until it has a name, and a text below.
    fn name(error: &ServiceError) -> &'static str {
        match error {
            ServiceError::Request { .. } => "Request",
            ServiceError::Connection { .. } => "Connection",
            ServiceError::Status { .. } => "Status",
            ServiceError::Malformed { .. } => "Malformed",
        }
    }
    const NAMES: usize = 4;

    #[test]
    fn texts() {
        let url = || "https://uc/tables".to_owned();
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let all = [
            ServiceError::Request { url: url(), problem: "it has no host".to_owned() },
            ServiceError::Connection { url: url(), cause: HttpError::new(HttpErrorKind::Connect, refused) },
            status(StatusCode::FORBIDDEN, "NO"),
            status(StatusCode::BAD_GATEWAY, ""),
            ServiceError::Malformed { url: url(), cause: serde_json::from_str::<u8>("<html>").unwrap_err() },
        ];
        let names: std::collections::BTreeSet<_> = all.iter().map(name).collect();
        assert_eq!(names.len(), NAMES, "{names:?}");
        let texts: Vec<String> =
            all.iter().map(|error| format!("{}: {}", name(error), crate::message::chain(error))).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
