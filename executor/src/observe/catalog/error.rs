use http::StatusCode;
use lakedr_control::group_log::FailureClass;
use lakedr_control::id::TableName;
use lakedr_control::location::InvalidUrl;
use lakedr_control::service::ServiceError;

use super::kind::NotCopied;
use crate::error::Classify;

/// Why a catalog does not say what the commits of a table are.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The catalog does not answer the question.
    #[error("{cause}{}", remedy(cause))]
    Service {
        /// Why.
        #[from]
        #[source]
        cause: ServiceError,
    },
    /// A question has no JSON form; a bug.
    #[error("a question to a catalog cannot be written")]
    Question(#[source] serde_json::Error),
    /// The catalog has no such table.
    #[error(
        "catalog {catalog} has no table {table}; create it there, correct its name, or set its url or the table_root of \
         the side"
    )]
    Absent {
        /// The catalog.
        catalog: String,
        /// The table.
        table: TableName,
    },
    /// The catalog has something of that name that cannot be copied.
    #[error("catalog {catalog} has {table} as {what}")]
    NotCopied {
        /// The catalog.
        catalog: String,
        /// The table.
        table: TableName,
        /// What it is.
        what: NotCopied,
    },
    /// The table lies at a place that is no storage URL.
    #[error("catalog {catalog} has {table} at a place that cannot be used; set the url of the table")]
    Place {
        /// The catalog.
        catalog: String,
        /// The table.
        table: TableName,
        /// Why.
        #[source]
        cause: InvalidUrl,
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

fn remedy(cause: &ServiceError) -> &'static str {
    match cause {
        ServiceError::Malformed { .. } => "; is it a Unity Catalog server of version 0.3 or newer?",
        error => match error.status() {
            Some(StatusCode::UNAUTHORIZED) => "; check the token of the catalog",
            Some(StatusCode::FORBIDDEN) => {
                "; the token needs USE CATALOG, USE SCHEMA and SELECT on the table"
            }
            Some(StatusCode::NOT_FOUND) => "; check the url of the catalog",
            _ => "",
        },
    }
}

impl Classify for CatalogError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Service { cause } => cause.class(),
            Self::Question(_) => FailureClass::Internal,
            Self::Absent { .. } | Self::Place { .. } | Self::Elsewhere { .. } => FailureClass::Configuration,
            Self::NotCopied { .. } | Self::NotStaged { .. } => FailureClass::Unsupported,
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Service { cause } if cause.passes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_say_what_to_do() {
        let status = |status| {
            CatalogError::from(ServiceError::Status {
                url: "https://uc/tables/a.b.c".to_owned(),
                status,
                code: "NO".to_owned(),
                message: "not you".to_owned(),
                retry_after: None,
            })
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

    /// The name of a variant. One that is new does not compile until it has a name, and a text below.
    fn name(error: &CatalogError) -> &'static str {
        match error {
            CatalogError::Service { .. } => "Service",
            CatalogError::Question(_) => "Question",
            CatalogError::Absent { .. } => "Absent",
            CatalogError::NotCopied { .. } => "NotCopied",
            CatalogError::Place { .. } => "Place",
            CatalogError::Elsewhere { .. } => "Elsewhere",
            CatalogError::NotStaged { .. } => "NotStaged",
        }
    }
    const NAMES: usize = 7;

    #[test]
    fn errors_name_what_would_have_worked() {
        let (catalog, table): (_, TableName) = ("https://uc".to_owned(), "c.s.t".parse().unwrap());
        let no_json = || serde_json::from_str::<u8>("<html>").unwrap_err();
        let url = "https://uc/tables/c.s.t".to_owned();
        let status = |status| ServiceError::Status {
            url: url.clone(),
            status,
            code: String::new(),
            message: "no".to_owned(),
            retry_after: None,
        };
        let all = [
            CatalogError::from(status(StatusCode::UNAUTHORIZED)),
            CatalogError::from(status(StatusCode::FORBIDDEN)),
            CatalogError::from(status(StatusCode::NOT_FOUND)),
            CatalogError::from(ServiceError::Malformed { url: url.clone(), cause: no_json() }),
            CatalogError::Question(no_json()),
            CatalogError::Absent { catalog: catalog.clone(), table: table.clone() },
            CatalogError::NotCopied { catalog: catalog.clone(), table: table.clone(), what: NotCopied::View },
            CatalogError::Place {
                catalog: catalog.clone(),
                table: table.clone(),
                cause: "dbfs:/x".parse::<lakedr_control::location::StoreUrl>().unwrap_err(),
            },
            CatalogError::Elsewhere {
                catalog: catalog.clone(),
                table: table.clone(),
                location: "s3://a/t".to_owned(),
                declared: "s3://b/t".to_owned(),
            },
            CatalogError::NotStaged { catalog, table, version: 7, file_name: "../7.json".to_owned() },
        ];
        let names: std::collections::BTreeSet<_> = all.iter().map(name).collect();
        assert_eq!(names.len(), NAMES, "{names:?}");
        let texts: Vec<String> =
            all.iter().map(|error| format!("{}: {}", name(error), crate::error::chain(error))).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
