use http::StatusCode;
use lakedr_control::group_log::FailureClass;
use lakedr_control::id::TableName;
use object_store::client::HttpError;

use crate::error::Classify;
use crate::spec::SecretError;

/// Why a catalog does not say what the commits of a table are.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The token cannot be had.
    #[error("the token of catalog {catalog}")]
    Token {
        /// The catalog.
        catalog: String,
        /// Why.
        #[source]
        cause: SecretError,
    },
    /// A request cannot be put together.
    #[error("catalog {catalog} cannot be asked: {problem}")]
    Request {
        /// The catalog.
        catalog: String,
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
    #[error("{url} answers {status}: {message}{}", remedy(*.status))]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: StatusCode,
        /// What the catalog says of it.
        message: String,
    },
    /// The answer is not what the API says.
    #[error("{url} answers what is no answer to it; is it a Unity Catalog server of version 0.3 or newer?")]
    Malformed {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
    /// The catalog's table lies elsewhere.
    #[error(
        "catalog {catalog} has {table} at {location}, but the group has it at {declared}; correct the url of the table, or \
         its name"
    )]
    Elsewhere {
        /// The catalog.
        catalog: String,
        /// The table.
        table: TableName,
        /// Where the catalog has it.
        location: String,
        /// Where the group has it.
        declared: String,
    },
    /// A ratified commit is no staged file of the table's log.
    #[error(
        "catalog {catalog} keeps commit {version} of {table} as {file_name:?}, which names no staged commit of that version; \
         only commits that lie in `_delta_log/_staged_commits` can be read"
    )]
    NotStaged {
        /// The catalog.
        catalog: String,
        /// The table.
        table: TableName,
        /// The version.
        version: u64,
        /// What the catalog calls its file.
        file_name: String,
    },
}

fn remedy(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "; check the token of the catalog",
        StatusCode::FORBIDDEN => "; the token needs USE CATALOG, USE SCHEMA and SELECT on the table",
        StatusCode::NOT_FOUND => "; check the url of the catalog",
        _ => "",
    }
}

impl Classify for CatalogError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Token { cause, .. } => cause.class(),
            Self::Connection { .. } => FailureClass::Unreachable,
            Self::Status { status, .. } => match *status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FailureClass::Denied,
                status if passes(status) => FailureClass::Unreachable,
                _ => FailureClass::Configuration,
            },
            Self::Request { .. } | Self::Elsewhere { .. } => FailureClass::Configuration,
            Self::Malformed { .. } | Self::NotStaged { .. } => FailureClass::Unsupported,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Status { status, .. } => passes(*status),
            _ => false,
        }
    }
}

/// Whether a status may be another one in a while.
fn passes(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_say_what_to_do() {
        let status = |status| CatalogError::Status {
            url: "https://uc/tables/a.b.c".to_owned(),
            status,
            message: "NO: not you".to_owned(),
        };
        insta::assert_snapshot!(status(StatusCode::FORBIDDEN).to_string(), @"https://uc/tables/a.b.c answers 403 Forbidden: NO: not you; the token needs USE CATALOG, USE SCHEMA and SELECT on the table");
        for (code, class, retryable) in [
            (StatusCode::UNAUTHORIZED, FailureClass::Denied, false),
            (StatusCode::NOT_FOUND, FailureClass::Configuration, false),
            (StatusCode::TOO_MANY_REQUESTS, FailureClass::Unreachable, true),
            (StatusCode::SERVICE_UNAVAILABLE, FailureClass::Unreachable, true),
        ] {
            assert_eq!((status(code).class(), status(code).retryable()), (class, retryable), "{code}");
        }
    }
}
