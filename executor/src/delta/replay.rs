//! Replay: actions in version order → the state of the table (protocol, "Action Reconciliation").

use std::collections::BTreeMap;

use thiserror::Error;

use super::action::{Action, ActionKind};
use super::json::{JsonError, RawObject};
use super::protocol::Protocol;
use super::state::{AddFile, Domain, FileKey, Metadata, RemoveFile, TableHead, TableState, Txn};

/// Why a sequence of actions does not make a table.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// An action lacks what the protocol asks for.
    #[error("malformed {kind} action")]
    Malformed {
        /// Kind of the action.
        kind: ActionKind,
        /// What is wrong with it.
        source: JsonError,
    },
    /// No protocol action was found.
    #[error("the log holds no protocol action up to version {version}")]
    NoProtocol {
        /// The version replayed to.
        version: u64,
    },
    /// No metadata action was found.
    #[error("the log holds no metaData action up to version {version}")]
    NoMetadata {
        /// The version replayed to.
        version: u64,
    },
}

/// A replay in progress: feed the checkpoint first, then the commits in ascending order.
#[derive(Debug, Default)]
pub struct Replay {
    protocol: Option<Protocol>,
    metadata: Option<Metadata>,
    files: BTreeMap<FileKey, AddFile>,
    tombstones: BTreeMap<FileKey, RemoveFile>,
    txns: BTreeMap<String, Txn>,
    domains: BTreeMap<String, Domain>,
    in_commit_timestamp: Option<i64>,
}

impl Replay {
    /// An empty replay.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the next commit.
    pub fn begin_commit(&mut self) {
        self.in_commit_timestamp = None;
    }

    /// Applies one action of the checkpoint or of the current commit.
    ///
    /// # Errors
    /// [`ReplayError::Malformed`] when the action lacks what the protocol asks for.
    pub fn apply(&mut self, action: Action) -> Result<(), ReplayError> {
        let Action { kind, body } = action;
        let malformed = |source| ReplayError::Malformed { kind: kind.clone(), source };
        match kind {
            ActionKind::Add => self.add(body).map_err(malformed)?,
            ActionKind::Remove => self.remove(body).map_err(malformed)?,
            ActionKind::Metadata => self.metadata = Some(Metadata::parse(body).map_err(malformed)?),
            ActionKind::Protocol => self.protocol = Some(Protocol::parse(body).map_err(malformed)?),
            ActionKind::Txn => self.txn(body).map_err(malformed)?,
            ActionKind::DomainMetadata => self.domain(body).map_err(malformed)?,
            ActionKind::CommitInfo => {
                self.in_commit_timestamp = body.fields().optional("inCommitTimestamp").map_err(malformed)?;
            }
            ActionKind::Cdc | ActionKind::Sidecar | ActionKind::CheckpointMetadata | ActionKind::Other(_) => {
            }
        }
        Ok(())
    }

    /// The state that has been reached.
    ///
    /// # Errors
    /// [`ReplayError::NoProtocol`] or [`ReplayError::NoMetadata`] when the log never said.
    pub fn finish(self, url: &str, version: u64) -> Result<TableState, ReplayError> {
        let head = TableHead {
            url: url.to_owned(),
            version,
            protocol: self.protocol.ok_or(ReplayError::NoProtocol { version })?,
            metadata: self.metadata.ok_or(ReplayError::NoMetadata { version })?,
            txns: self.txns,
            domains: self.domains,
            in_commit_timestamp: self.in_commit_timestamp,
        };
        Ok(TableState { head, files: self.files, tombstones: self.tombstones })
    }

    fn add(&mut self, body: RawObject) -> Result<(), JsonError> {
        let (key, add) = AddFile::parse(body)?;
        self.tombstones.remove(&key);
        self.files.insert(key, add);
        Ok(())
    }

    fn remove(&mut self, body: RawObject) -> Result<(), JsonError> {
        let (key, remove) = RemoveFile::parse(body)?;
        self.files.remove(&key);
        self.tombstones.insert(key, remove);
        Ok(())
    }

    fn txn(&mut self, body: RawObject) -> Result<(), JsonError> {
        let (app, txn) = Txn::parse(body)?;
        self.txns.insert(app, txn);
        Ok(())
    }

    fn domain(&mut self, body: RawObject) -> Result<(), JsonError> {
        match Domain::parse(body)? {
            (name, Some(domain)) => self.domains.insert(name, domain),
            (name, None) => self.domains.remove(&name),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::action::actions;

    const HEAD: &str = concat!(
        r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
        "\n",
        r#"{"metaData":{"id":"t","format":{"provider":"parquet"},"schemaString":"{}","partitionColumns":[]}}"#,
    );

    fn replay(commits: &[&str]) -> Result<TableState, ReplayError> {
        let mut replay = Replay::new();
        for commit in commits {
            replay.begin_commit();
            for action in actions(commit.as_bytes()) {
                replay.apply(action.expect("line"))?;
            }
        }
        replay.finish("file:///t", 9)
    }

    fn paths(state: &TableState) -> Vec<String> {
        let shown = |key: &FileKey| format!("{}{}", key.path, key.vector.as_deref().unwrap_or_default());
        state.files.keys().map(shown).collect()
    }

    #[test]
    fn the_newest_action_of_a_key_wins() {
        let dv = r#""deletionVector":{"storageType":"u","pathOrInlineDv":"x","offset":1,"sizeInBytes":2,"cardinality":1}"#;
        let swap = format!(
            "{{\"add\":{{\"path\":\"a\",\"size\":1,{dv}}}}}\n{{\"remove\":{{\"path\":\"a\",\"deletionTimestamp\":5}}}}"
        );
        let cases: [(&[&str], &[&str]); 5] = [
            (&[HEAD, r#"{"add":{"path":"a","size":1}}"#], &["a"]),
            (&[HEAD, r#"{"add":{"path":"a","size":1}}"#, &swap], &["aux@1"]),
            (&[HEAD, r#"{"add":{"path":"p%2B","size":1}}"#, r#"{"remove":{"path":"p+"}}"#], &["p%2B"]),
            (&[HEAD, r#"{"add":{"path":"/x%20y","size":1}}"#, r#"{"remove":{"path":"file:/x%20y"}}"#], &[]),
            (
                &[
                    HEAD,
                    r#"{"add":{"path":"a","size":1}}"#,
                    r#"{"remove":{"path":"a"}}"#,
                    r#"{"add":{"path":"a","size":2}}"#,
                ],
                &["a"],
            ),
        ];
        for (commits, expected) in cases {
            assert_eq!(paths(&replay(commits).expect("state")), expected, "{commits:?}");
        }
    }

    #[test]
    fn tombstones_domains_txns_and_commit_times() {
        let state = replay(&[
            HEAD,
            "{\"commitInfo\":{\"inCommitTimestamp\":7}}\n{\"domainMetadata\":{\"domain\":\"a\",\"configuration\":\"{}\",\"removed\":false}}\n{\"domainMetadata\":{\"domain\":\"b\",\"configuration\":\"x\"}}",
            "{\"commitInfo\":{\"inCommitTimestamp\":8}}\n{\"domainMetadata\":{\"domain\":\"a\",\"configuration\":\"\",\"removed\":true}}\n{\"txn\":{\"appId\":\"s\",\"version\":3}}\n{\"remove\":{\"path\":\"a\",\"deletionTimestamp\":5}}\n{\"mystery\":{}}",
        ])
        .expect("state");
        assert_eq!(state.head.domains.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(state.head.txns["s"].version, 3);
        assert_eq!(state.head.in_commit_timestamp, Some(8));
        assert_eq!(state.tombstones.values().next().and_then(|file| file.deletion_timestamp), Some(5));
    }

    #[test]
    fn what_is_no_table() {
        let (protocol, metadata) = HEAD.split_once('\n').expect("two lines");
        let message = |commits: &[&str]| replay(commits).expect_err("refused").to_string();
        assert_eq!(message(&[metadata]), "the log holds no protocol action up to version 9");
        assert_eq!(message(&[protocol]), "the log holds no metaData action up to version 9");
        assert_eq!(message(&[HEAD, r#"{"add":{"path":"a"}}"#]), "malformed add action");
    }
}
