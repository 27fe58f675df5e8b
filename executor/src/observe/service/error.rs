use std::time::Duration;

use http::StatusCode;
use lakedr_control::group_log::FailureClass;
use lakedr_control::vault::SecretError;
use object_store::client::HttpError;

use crate::error::Classify;

/// Why a service does not say what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The credentials cannot be had.
    #[error("the credentials for {service}")]
    Secret {
        /// The service.
        service: String,
        /// Why.
        #[source]
        cause: SecretError,
    },
    /// A request cannot be put together.
    #[error("{service} cannot be asked: {problem}")]
    Request {
        /// The service.
        service: String,
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
    #[error("{url} answers {status}{}{}", said(.message), remedy(*.status))]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: StatusCode,
        /// What the service says of it.
        message: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the API says.
    #[error("{url} answers what is no answer to it; is it the URL of {expected}?")]
    Malformed {
        /// What was asked.
        url: String,
        /// What should be there.
        expected: &'static str,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn remedy(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "; check the credentials that the group refers to",
        StatusCode::FORBIDDEN => {
            "; whoever owns these credentials needs the permission to view the workflow and its runs"
        }
        StatusCode::NOT_FOUND => "; check the url and the name of the workflow",
        _ => "",
    }
}

impl ServiceError {
    /// How long the service asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the service answered with this status.
    #[must_use]
    pub fn is_status(&self, wanted: StatusCode) -> bool {
        matches!(self, Self::Status { status, .. } if *status == wanted)
    }
}

impl Classify for ServiceError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Secret { cause, .. } => cause.class(),
            Self::Connection { .. } => FailureClass::Unreachable,
            Self::Status { status, .. } => match *status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FailureClass::Denied,
                status if passes(status) => FailureClass::Unreachable,
                _ => FailureClass::Configuration,
            },
            Self::Request { .. } => FailureClass::Configuration,
            Self::Malformed { .. } => FailureClass::Unsupported,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Secret { cause, .. } => cause.passes(),
            Self::Connection { .. } => true,
            Self::Status { status, .. } => passes(*status),
            _ => false,
        }
    }
}

/// Whether a status may be another one in a while.
fn passes(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: StatusCode, message: &str) -> ServiceError {
        ServiceError::Status {
            url: "https://w/api/2.2/jobs/list".to_owned(),
            status,
            message: message.to_owned(),
            retry_after: None,
        }
    }

    #[test]
    fn statuses_say_what_to_do() {
        insta::assert_snapshot!(status(StatusCode::FORBIDDEN, "PERMISSION_DENIED: not you").to_string(), @"https://w/api/2.2/jobs/list answers 403 Forbidden: PERMISSION_DENIED: not you; whoever owns these credentials needs the permission to view the workflow and its runs");
        insta::assert_snapshot!(status(StatusCode::BAD_GATEWAY, "").to_string(), @"https://w/api/2.2/jobs/list answers 502 Bad Gateway");
        for (code, class, retryable) in [
            (StatusCode::UNAUTHORIZED, FailureClass::Denied, false),
            (StatusCode::NOT_FOUND, FailureClass::Configuration, false),
            (StatusCode::BAD_REQUEST, FailureClass::Configuration, false),
            (StatusCode::TOO_MANY_REQUESTS, FailureClass::Unreachable, true),
            (StatusCode::INTERNAL_SERVER_ERROR, FailureClass::Unreachable, true),
        ] {
            let error = status(code, "");
            assert_eq!((error.class(), error.retryable()), (class, retryable), "{code}");
        }
    }
}
