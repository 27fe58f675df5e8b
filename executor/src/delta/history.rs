//! What one commit says about itself, without keeping the files it lists.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::action::{ActionKind, LineError, entries};
use super::json::{Fields, JsonError};

/// The facts of a commit that decisions are made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitFacts {
    /// The version that the commit made.
    pub version: u64,
    /// Time of the commit in milliseconds since the epoch: its in-commit timestamp where it has one, else
    /// `file_time_ms`.
    pub timestamp_ms: i64,
    /// Modification time of the commit file, made ascending over the log.
    pub file_time_ms: i64,
    /// `commitInfo.inCommitTimestamp`.
    pub in_commit_timestamp_ms: Option<i64>,
    /// `commitInfo.timestamp`: the writer's own clock when it tried; orders nothing.
    pub attempted_at_ms: Option<i64>,
    /// `commitInfo.operation`.
    pub operation: Option<String>,
    /// `commitInfo.job.jobRunId`: the run of a Databricks job that wrote the commit.
    pub job_run_id: Option<String>,
    /// `commitInfo.txnId`: unique for each attempt to commit.
    pub txn_id: Option<String>,
    /// `commitInfo.userMetadata`.
    pub user_metadata: Option<String>,
    /// `commitInfo.engineInfo`: the program that wrote.
    pub engine_info: Option<String>,
    /// `commitInfo.userName`, else `commitInfo.userId`.
    pub user_name: Option<String>,
    /// `commitInfo.tags["delta.rowTracking.preserved"]`: rows that the commit copied kept their row ids
    /// (protocol, "Row Tracking").
    pub row_ids_preserved: bool,
    /// The table id that a `metaData` action of this commit sets; another than before means that the table
    /// was recreated.
    pub table_id: Option<String>,
    /// Whether the commit has a `protocol` action.
    pub protocol_change: bool,
    /// False only for maintenance: every file action has `dataChange=false`, and there is neither a
    /// `metaData` nor a `protocol` action.
    pub logical_change: bool,
    /// Progress by application id that the commit records.
    pub txns: BTreeMap<String, i64>,
}

impl CommitFacts {
    /// Reads the facts of a commit, line by line.
    ///
    /// # Errors
    /// [`CommitError`] when a line is no action or a fact has an unexpected type.
    pub fn parse(version: u64, file_time_ms: i64, bytes: &[u8]) -> Result<Self, CommitError> {
        let mut facts = Self::begin(version, file_time_ms);
        for entry in entries(bytes) {
            let (line, fields) = entry?;
            for (key, body) in fields.iter().filter(|(_, body)| body.get() != "null") {
                let kind = ActionKind::of(key);
                facts.take(&kind, body.get()).map_err(|source| CommitError::Action { line, kind, source })?;
            }
        }
        Ok(facts)
    }

    /// What is known of a commit before its actions are read.
    pub(super) fn begin(version: u64, file_time_ms: i64) -> Self {
        Self { version, file_time_ms, timestamp_ms: file_time_ms, ..Self::default() }
    }

    /// Takes what one action of the commit says.
    pub(super) fn take(&mut self, kind: &ActionKind, body: &str) -> Result<(), JsonError> {
        match kind {
            ActionKind::Add | ActionKind::Remove => self.logical_change |= data_change(body)?,
            ActionKind::Metadata => {
                self.logical_change = true;
                self.table_id = Fields::parse(body)?.optional("id")?;
            }
            ActionKind::Protocol => {
                self.logical_change = true;
                self.protocol_change = true;
            }
            ActionKind::Txn => {
                let fields = Fields::parse(body)?;
                self.txns.insert(fields.required("appId")?, fields.required("version")?);
            }
            ActionKind::CommitInfo => self.take_commit_info(&Fields::parse(body)?)?,
            ActionKind::DomainMetadata
            | ActionKind::Cdc
            | ActionKind::Sidecar
            | ActionKind::CheckpointMetadata
            | ActionKind::Other(_) => {}
        }
        Ok(())
    }

    fn take_commit_info(&mut self, info: &Fields<'_>) -> Result<(), JsonError> {
        self.in_commit_timestamp_ms = info.optional("inCommitTimestamp")?;
        self.timestamp_ms = self.in_commit_timestamp_ms.unwrap_or(self.file_time_ms);
        // Free JSON: a writer may put anything under these names, so what is no text is left out.
        self.attempted_at_ms = info.optional("timestamp").unwrap_or_default();
        self.operation = text(info, "operation");
        self.txn_id = text(info, "txnId");
        self.user_metadata = text(info, "userMetadata");
        self.engine_info = text(info, "engineInfo");
        self.user_name = text(info, "userName").or_else(|| text(info, "userId"));
        self.row_ids_preserved = info
            .get("tags")
            .and_then(|tags| Fields::parse(tags.get()).ok())
            .and_then(|tags| text(&tags, "delta.rowTracking.preserved"))
            .is_some_and(|preserved| preserved.eq_ignore_ascii_case("true"));
        self.job_run_id = info
            .get("job")
            .and_then(|job| Fields::parse(job.get()).ok())
            .and_then(|job| text(&job, "jobRunId"));
        Ok(())
    }
}

/// Why the facts of a commit cannot be read.
#[derive(Debug, Error)]
pub enum CommitError {
    /// A line is no action.
    #[error(transparent)]
    Line(#[from] LineError),
    /// An action lacks what the protocol asks for.
    #[error("line {line} is a malformed {kind} action")]
    Action {
        /// Number of the line, from 1.
        line: usize,
        /// Kind of the action.
        kind: ActionKind,
        /// What is wrong with it.
        source: JsonError,
    },
}

/// `dataChange` of a file action; a writer that leaves it out has changed data.
fn data_change(body: &str) -> Result<bool, JsonError> {
    #[derive(Deserialize)]
    struct Flag {
        #[serde(rename = "dataChange")]
        data_change: Option<bool>,
    }
    let flag: Flag =
        serde_json::from_str(body).map_err(|source| JsonError::Mistyped { field: "dataChange", source })?;
    Ok(flag.data_change.unwrap_or(true))
}

/// A text or a whole number, as text.
fn text(fields: &Fields<'_>, name: &'static str) -> Option<String> {
    let raw = fields.get(name)?;
    fields
        .optional::<String>(name)
        .ok()
        .flatten()
        .or_else(|| raw.get().parse::<i64>().ok().map(|n| n.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(commit: &str) -> CommitFacts {
        CommitFacts::parse(3, 1_000, commit.as_bytes()).expect("facts")
    }

    #[test]
    fn provenance() {
        let facts = facts(
            r#"{"commitInfo":{"inCommitTimestamp":900,"timestamp":899,"operation":"MERGE","job":{"jobRunId":"77","jobId":1},"txnId":"x","userId":12,"engineInfo":"e","userMetadata":"m","clusterId":5,"tags":{"delta.rowTracking.preserved":"true"}}}"#,
        );
        assert_eq!(facts.timestamp_ms, 900);
        assert_eq!((facts.file_time_ms, facts.attempted_at_ms), (1_000, Some(899)));
        assert_eq!(facts.job_run_id.as_deref(), Some("77"));
        assert_eq!((facts.user_name.as_deref(), facts.operation.as_deref()), (Some("12"), Some("MERGE")));
        assert!(!facts.logical_change && facts.row_ids_preserved);
    }

    #[test]
    fn maintenance_and_changes() {
        let metadata = r#"{"metaData":{"id":"other"}}"#;
        let cases = [
            (r#"{"add":{"path":"a","dataChange":false}}"#, false),
            (
                "{\"add\":{\"path\":\"a\",\"dataChange\":false}}\n{\"remove\":{\"path\":\"b\",\"dataChange\":false}}",
                false,
            ),
            (
                "{\"add\":{\"path\":\"a\",\"dataChange\":false}}\n{\"remove\":{\"path\":\"b\",\"dataChange\":true}}",
                true,
            ),
            (r#"{"add":{"path":"a"}}"#, true),
            (metadata, true),
            (r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#, true),
            (r#"{"txn":{"appId":"a","version":1}}"#, false),
        ];
        for (commit, expected) in cases {
            assert_eq!(facts(commit).logical_change, expected, "{commit}");
        }
        assert_eq!(facts(metadata).table_id.as_deref(), Some("other"));
        assert_eq!(facts(r#"{"txn":{"appId":"a","version":1}}"#).txns["a"], 1);
    }

    #[test]
    fn a_malformed_commit_is_an_error() {
        let error = CommitFacts::parse(3, 0, b"{\"txn\":{\"appId\":\"a\"}}").expect_err("malformed");
        assert_eq!(error.to_string(), "line 1 is a malformed txn action");
        assert!(CommitFacts::parse(3, 0, b"{\"add\":{\"dataChange\":\"yes\"}}").is_err());
    }
}
