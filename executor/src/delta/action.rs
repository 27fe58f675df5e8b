//! The actions of a transaction log: a kind and its object, kept as written.

use std::fmt;

use thiserror::Error;

use super::json::{Fields, JsonError, RawObject};

/// The kind of an action: the single key of a line in a commit (protocol, "Actions").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionKind {
    /// A data file becomes part of the table.
    Add,
    /// A data file leaves the table.
    Remove,
    /// Schema, partitioning and configuration.
    Metadata,
    /// Required reader and writer versions and table features.
    Protocol,
    /// Progress of an application that writes exactly once.
    Txn,
    /// Configuration of a named domain.
    DomainMetadata,
    /// Provenance of a commit.
    CommitInfo,
    /// A change-data file.
    Cdc,
    /// A file with actions of a V2 checkpoint.
    Sidecar,
    /// The head of a V2 checkpoint.
    CheckpointMetadata,
    /// Any other action; readers ignore it.
    Other(String),
}

impl ActionKind {
    /// The kind that a key names.
    #[must_use]
    pub fn of(key: &str) -> Self {
        match key {
            "add" => Self::Add,
            "remove" => Self::Remove,
            "metaData" => Self::Metadata,
            "protocol" => Self::Protocol,
            "txn" => Self::Txn,
            "domainMetadata" => Self::DomainMetadata,
            "commitInfo" => Self::CommitInfo,
            "cdc" => Self::Cdc,
            "sidecar" => Self::Sidecar,
            "checkpointMetadata" => Self::CheckpointMetadata,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The key as it stands in the log.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Metadata => "metaData",
            Self::Protocol => "protocol",
            Self::Txn => "txn",
            Self::DomainMetadata => "domainMetadata",
            Self::CommitInfo => "commitInfo",
            Self::Cdc => "cdc",
            Self::Sidecar => "sidecar",
            Self::CheckpointMetadata => "checkpointMetadata",
            Self::Other(key) => key,
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.key())
    }
}

/// One action, lossless.
#[derive(Debug, Clone)]
pub struct Action {
    /// What the action is.
    pub kind: ActionKind,
    /// Its fields as written.
    pub body: RawObject,
}

impl Action {
    /// The action as a line of a commit, without the line break.
    #[must_use]
    pub fn line(&self) -> String {
        line(&self.kind, &self.body)
    }
}

/// A body as a line of a commit, without the line break.
#[must_use]
pub fn line(kind: &ActionKind, body: &RawObject) -> String {
    format!("{{\"{}\":{}}}", kind.key(), body.text())
}

/// Why a line of a commit or of a JSON checkpoint is not an action.
#[derive(Debug, Error)]
#[error("line {line} is not a delta action")]
pub struct LineError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub source: JsonError,
}

/// The lines of a commit with their numbers; blank lines are passed over.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
}

/// The opened lines of a commit: one entry a line, each with its non-null actions.
pub(crate) fn entries(bytes: &[u8]) -> impl Iterator<Item = Result<(usize, Fields<'_>), LineError>> {
    lines(bytes).map(|(line, text)| {
        let opened = serde_json::from_slice::<Fields<'_>>(text);
        let fields =
            opened.map_err(|source| LineError { line, source: JsonError::NotAnObject { source } })?;
        Ok((line, fields))
    })
}

/// Reads the actions of a commit or of a JSON checkpoint, one line at a time.
pub fn actions(bytes: &[u8]) -> impl Iterator<Item = Result<Action, LineError>> {
    entries(bytes).flat_map(|entry| match entry {
        Err(error) => vec![Err(error)],
        Ok((line, fields)) => fields
            .iter()
            .filter(|(_, value)| value.get() != "null")
            .map(|(key, value)| {
                let kind = ActionKind::of(key);
                RawObject::of_value(value)
                    .map(|body| Action { kind, body })
                    .map_err(|source| LineError { line, source })
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_kept_byte_for_byte() {
        let text =
            r#"{"add": {"path":"p%2B2", "size" : 9007199254740993,"extra":{"x":1.0000000000000000001}}}"#;
        let read: Vec<Action> = actions(text.as_bytes()).map(|action| action.expect("action")).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].kind, ActionKind::Add);
        assert_eq!(
            read[0].body.text(),
            r#"{"path":"p%2B2", "size" : 9007199254740993,"extra":{"x":1.0000000000000000001}}"#
        );
        assert_eq!(read[0].body.fields().required::<i64>("size").expect("size"), 9_007_199_254_740_993);
    }

    #[test]
    fn unknown_actions_nulls_and_blank_lines() {
        let text = "{\"later\":{\"a\":1}}\r\n\n{\"add\":null,\"txn\":{\"appId\":\"a\",\"version\":1}}\n";
        let kinds: Vec<String> =
            actions(text.as_bytes()).map(|action| action.expect("action").kind.to_string()).collect();
        assert_eq!(kinds, ["later", "txn"]);
    }

    #[test]
    fn a_broken_line_is_named_by_its_number() {
        let error = actions(b"{\"txn\":{}}\n{\"add\":{").nth(1).expect("second").expect_err("broken");
        assert_eq!(error.line, 2);
        let error = actions(b"{\"add\":[1]}").next().expect("one").expect_err("not an object");
        assert_eq!(error.to_string(), "line 1 is not a delta action");
    }
}
