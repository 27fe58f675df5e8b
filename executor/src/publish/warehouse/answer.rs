//! Answers of the SQL Statement Execution API and of the query history (API 2.0), as far as they are used.

use serde::{Deserialize, Serialize};

/// A statement to be carried out.
#[derive(Debug, Serialize)]
pub(super) struct Question<'a> {
    pub(super) warehouse_id: &'a str,
    pub(super) statement: &'a str,
    /// `0s`: the answer comes at once, and names the statement, so that it can be cancelled.
    pub(super) wait_timeout: &'a str,
    pub(super) disposition: &'a str,
    pub(super) format: &'a str,
}

/// A statement, and how far it is.
#[derive(Debug, Deserialize)]
pub(super) struct Statement {
    pub(super) statement_id: String,
    pub(super) status: Status,
    #[serde(default)]
    pub(super) result: Option<Rows>,
}

/// How far a statement is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Status {
    pub(super) state: String,
    #[serde(default)]
    pub(super) error: Option<Problem>,
    #[serde(default)]
    pub(super) sql_state: Option<String>,
}

/// Why a statement failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    pub(super) error_code: String,
    pub(super) message: String,
}

/// Rows, each value as a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rows {
    pub(super) data_array: Vec<Vec<Option<String>>>,
}

/// A page of the query history.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct QueriesPage {
    pub(super) res: Vec<Query>,
    pub(super) has_next_page: bool,
    pub(super) next_page_token: Option<String>,
}

/// A statement in the query history.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    pub(super) query_id: String,
    pub(super) query_text: String,
}

impl Status {
    /// Whether nothing will come of it any more: states that are not known are not taken for an end.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "SUCCEEDED" | "FAILED" | "CANCELED" | "CLOSED")
    }

    pub(super) fn is_success(&self) -> bool {
        self.state == "SUCCEEDED"
    }
}
