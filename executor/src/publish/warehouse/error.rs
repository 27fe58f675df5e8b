use http::StatusCode;
use lakedr_control::group_log::FailureClass;
use lakedr_control::service::ServiceError;

use crate::error::Classify;
use crate::observe::workflow::WorkflowError;

/// Error codes of statements that may pass (SQL Statement Execution API, `ServiceErrorCode`).
const PASSING: &[&str] = &[
    "ABORTED",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "INTERNAL_ERROR",
    "IO_ERROR",
    "RESOURCE_EXHAUSTED",
    "SERVICE_UNDER_MAINTENANCE",
    "TEMPORARILY_UNAVAILABLE",
    "UNKNOWN",
    "WORKSPACE_TEMPORARILY_UNAVAILABLE",
];

/// Why a SQL warehouse did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WarehouseError {
    /// It does not answer, or with an error.
    #[error("{cause}{}", remedy(.cause))]
    Service {
        /// What came of it.
        #[source]
        cause: ServiceError,
    },
    /// Its credentials cannot be had.
    #[error(transparent)]
    Login(#[from] Box<WorkflowError>),
    /// The statement did not succeed.
    #[error(transparent)]
    Failed(Box<FailedStatement>),
    /// It says that it has done what the table does not show.
    #[error(
        "SQL warehouse {warehouse} has carried out the statement, and the history of the table does not show it; look at \
         the table's history in the workspace, then sync again"
    )]
    NotShown {
        /// The warehouse.
        warehouse: String,
    },
    /// A row of a history that cannot be read.
    #[error("SQL warehouse {warehouse} answers a question for the history of a table with {row:?}")]
    NoHistory {
        /// The warehouse.
        warehouse: String,
        /// The row.
        row: Vec<Option<String>>,
    },
    /// A statement that was told to end does not.
    #[error(
        "statement {statement} of an earlier publish is still running on SQL warehouse {warehouse} and does not end; cancel \
         it in the query history of the workspace, then sync again"
    )]
    StillRunning {
        /// The warehouse.
        warehouse: String,
        /// Its id.
        statement: String,
    },
    /// The side has no workspace, or no warehouse.
    #[error(
        "publish.engine is databricks_sql, and nobody publishes in region {region}: it has no {missing}; set {missing} of the \
         group, and apply it in both regions"
    )]
    Nobody {
        /// The region.
        region: String,
        /// The attribute.
        missing: &'static str,
    },
}

/// A statement that did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("SQL warehouse {warehouse} says of statement {statement} ({state}): {code}: {message}")]
pub(crate) struct FailedStatement {
    pub(super) warehouse: String,
    /// Its id, under which the query history has its text.
    pub(super) statement: String,
    /// `FAILED`, `CANCELED` or `CLOSED`.
    pub(super) state: String,
    /// The service's own code of the error.
    pub(super) code: String,
    /// What it says.
    pub(super) message: String,
    /// The SQLSTATE, when the service tells it.
    pub(super) sql_state: String,
}

fn remedy(cause: &ServiceError) -> &'static str {
    match (cause, cause.status()) {
        (ServiceError::Malformed { .. }, _) => "; is it the URL of a Databricks workspace?",
        (_, Some(StatusCode::UNAUTHORIZED)) => {
            "; check the credentials of the workspace that the group refers to"
        }
        (_, Some(StatusCode::FORBIDDEN)) => {
            "; whoever owns these credentials needs CAN USE on the SQL warehouse, and to see its own queries"
        }
        (_, Some(StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST)) => {
            "; check the url of the workspace and the id of the SQL warehouse"
        }
        _ => "",
    }
}

impl WarehouseError {
    /// Whether the statement asked for a table that is not there (SQLSTATE 42P01).
    pub(super) fn is_no_table(&self) -> bool {
        let Self::Failed(failed) = self else { return false };
        failed.sql_state == "42P01" || failed.message.trim_start().starts_with("[TABLE_OR_VIEW_NOT_FOUND]")
    }
}

impl Classify for WarehouseError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Service { cause } => cause.class(),
            Self::Login(cause) => cause.class(),
            Self::Failed(failed) => {
                let FailedStatement { code, sql_state, message, .. } = failed.as_ref();
                if sql_state == "42501" || message.contains("PERMISSION") || code == "UNAUTHENTICATED" {
                    FailureClass::Denied
                } else if PASSING.contains(&code.as_str()) {
                    FailureClass::Unreachable
                } else {
                    FailureClass::Unsupported
                }
            }
            Self::NotShown { .. } => FailureClass::Damaged,
            Self::NoHistory { .. } => FailureClass::Unsupported,
            Self::StillRunning { .. } => FailureClass::Unreachable,
            Self::Nobody { .. } => FailureClass::Configuration,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Service { cause } => cause.retryable(),
            Self::Login(cause) => cause.retryable(),
            other => other.class() == FailureClass::Unreachable,
        }
    }
}

#[cfg(test)]
mod tests {
    use lakedr_control::vault::SecretError;

    use super::*;
    use crate::error::chain;

    fn failed(code: &str, sql_state: &str, message: &str) -> WarehouseError {
        WarehouseError::Failed(Box::new(FailedStatement {
            warehouse: "abc".to_owned(),
            statement: "01ef".to_owned(),
            state: "FAILED".to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            sql_state: sql_state.to_owned(),
        }))
    }

    /// The name of a variant. One that is new does not compile until it has a name, and a text below.
    fn name(error: &WarehouseError) -> &'static str {
        match error {
            WarehouseError::Service { .. } => "Service",
            WarehouseError::Login(_) => "Login",
            WarehouseError::Failed(_) => "Failed",
            WarehouseError::NotShown { .. } => "NotShown",
            WarehouseError::NoHistory { .. } => "NoHistory",
            WarehouseError::StillRunning { .. } => "StillRunning",
            WarehouseError::Nobody { .. } => "Nobody",
        }
    }
    const NAMES: usize = 7;

    #[test]
    fn errors_name_what_would_have_worked() {
        let (warehouse, statement) = (|| "abc".to_owned(), || "01ef".to_owned());
        let status = |status| WarehouseError::Service {
            cause: ServiceError::Status {
                url: "https://w/api/2.0/sql/statements".to_owned(),
                status,
                code: String::new(),
                message: "no".to_owned(),
                retry_after: None,
            },
        };
        let cause = SecretError::NotSet { reference: "env://T".parse().unwrap() };
        let login = WorkflowError::Secret { service: "https://w".to_owned(), cause };
        let all = [
            status(StatusCode::UNAUTHORIZED),
            status(StatusCode::FORBIDDEN),
            status(StatusCode::BAD_REQUEST),
            status(StatusCode::BAD_GATEWAY),
            WarehouseError::Login(Box::new(login)),
            failed("BAD_REQUEST", "42P01", "[TABLE_OR_VIEW_NOT_FOUND] no such table"),
            WarehouseError::NotShown { warehouse: warehouse() },
            WarehouseError::NoHistory { warehouse: warehouse(), row: vec![None] },
            WarehouseError::StillRunning { warehouse: warehouse(), statement: statement() },
            WarehouseError::Nobody { region: "east".to_owned(), missing: "publish.primary_warehouse_id" },
        ];
        let names: std::collections::BTreeSet<_> = all.iter().map(name).collect();
        assert_eq!(names.len(), NAMES, "{names:?}");
        let texts: Vec<String> =
            all.iter().map(|error| format!("{}: {}", name(error), chain(error))).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn what_may_pass() {
        let of = |code, state, message| {
            let error = failed(code, state, message);
            (error.class(), error.retryable(), error.is_no_table())
        };
        assert_eq!(of("TEMPORARILY_UNAVAILABLE", "", "busy"), (FailureClass::Unreachable, true, false));
        assert_eq!(of("BAD_REQUEST", "42501", "no"), (FailureClass::Denied, false, false));
        assert_eq!(of("BAD_REQUEST", "", "[INSUFFICIENT_PERMISSIONS] no").0, FailureClass::Denied);
        assert!(of("BAD_REQUEST", "42P01", "no").2);
        assert_eq!(
            of("BAD_REQUEST", "", "[TABLE_OR_VIEW_NOT_FOUND] x"),
            (FailureClass::Unsupported, false, true)
        );
    }
}
