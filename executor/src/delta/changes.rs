//! What one commit changes: every action of it that a replica has to follow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::action::{ActionKind, entries};
use super::history::{CommitError, CommitFacts};
use super::json::{JsonError, RawObject};
use super::protocol::Protocol;
use super::state::{AddFile, Domain, FileKey, Metadata, RemoveFile, TableHead, Txn};

/// A commit with its file actions. A range of commits, oldest first, leads from one version to another.
#[derive(Debug, Clone)]
pub struct CommitChange {
    /// What the commit says about itself.
    pub facts: CommitFacts,
    /// The protocol that it sets.
    pub protocol: Option<Protocol>,
    /// The metadata that it sets.
    pub metadata: Option<Metadata>,
    /// Progress by application id.
    pub txns: BTreeMap<String, Txn>,
    /// Domains by name; `None` for one that it removes.
    pub domains: BTreeMap<String, Option<Domain>>,
    /// Files that it adds, or of which it changes what the log says.
    pub adds: Vec<(FileKey, AddFile)>,
    /// Files that it removes.
    pub removes: Vec<(FileKey, RemoveFile)>,
}

impl CommitChange {
    /// Reads a commit. `file_time_ms` is as in [`CommitFacts::parse`].
    ///
    /// # Errors
    /// [`CommitError`] when a line is no action, or an action lacks what the protocol asks for.
    pub fn parse(version: u64, file_time_ms: i64, bytes: &[u8]) -> Result<Self, CommitError> {
        let mut change = Self {
            facts: CommitFacts::begin(version, file_time_ms),
            protocol: None,
            metadata: None,
            txns: BTreeMap::new(),
            domains: BTreeMap::new(),
            adds: Vec::new(),
            removes: Vec::new(),
        };
        for entry in entries(bytes) {
            let (line, fields) = entry?;
            for (key, body) in fields.iter().filter(|(_, body)| body.get() != "null") {
                let kind = ActionKind::of(key);
                change.take(&kind, body).map_err(|source| CommitError::Action { line, kind, source })?;
            }
        }
        Ok(change)
    }

    fn take(&mut self, kind: &ActionKind, body: &RawValue) -> Result<(), JsonError> {
        self.facts.take(kind, body.get())?;
        let body = RawObject::of_value(body)?;
        match kind {
            ActionKind::Add => self.adds.push(AddFile::parse(body)?),
            ActionKind::Remove => self.removes.push(RemoveFile::parse(body)?),
            ActionKind::Metadata => self.metadata = Some(Metadata::parse(body)?),
            ActionKind::Protocol => self.protocol = Some(Protocol::parse(body)?),
            ActionKind::Txn => {
                let (app, txn) = Txn::parse(body)?;
                self.txns.insert(app, txn);
            }
            ActionKind::DomainMetadata => {
                let (name, domain) = Domain::parse(body)?;
                self.domains.insert(name, domain);
            }
            ActionKind::CommitInfo
            | ActionKind::Cdc
            | ActionKind::Sidecar
            | ActionKind::CheckpointMetadata
            | ActionKind::Other(_) => {}
        }
        Ok(())
    }
}

/// What a range of commits leaves changed.
#[derive(Debug, Clone, Default)]
pub struct FileChanges {
    /// Files that it adds, or of which it changes what the log says.
    pub added: BTreeMap<FileKey, AddFile>,
    /// Files that it removes.
    pub removed: BTreeSet<FileKey>,
}

impl FileChanges {
    /// Follows commits, oldest first. Of each file the newest action counts (protocol, "Action Reconciliation"); no
    /// commit speaks of a file twice.
    #[must_use]
    pub fn of(commits: Vec<CommitChange>) -> Self {
        let mut changes = Self::default();
        for commit in commits {
            for (key, _) in commit.removes {
                changes.added.remove(&key);
                changes.removed.insert(key);
            }
            for (key, add) in commit.adds {
                changes.removed.remove(&key);
                changes.added.insert(key, add);
            }
        }
        changes
    }
}

impl TableHead {
    /// Follows one action that is not about files.
    ///
    /// # Errors
    /// [`JsonError`] when the action lacks what the protocol asks for.
    pub fn apply(&mut self, kind: &ActionKind, body: RawObject) -> Result<(), JsonError> {
        match kind {
            ActionKind::Protocol => self.protocol = Protocol::parse(body)?,
            ActionKind::Metadata => self.metadata = Metadata::parse(body)?,
            ActionKind::Txn => {
                let (app, txn) = Txn::parse(body)?;
                self.txns.insert(app, txn);
            }
            ActionKind::DomainMetadata => match Domain::parse(body)? {
                (name, Some(domain)) => drop(self.domains.insert(name, domain)),
                (name, None) => drop(self.domains.remove(&name)),
            },
            _ => {}
        }
        Ok(())
    }

    /// The head of the next version, which a commit leads to.
    #[must_use]
    pub fn after(&self, change: &CommitChange) -> Self {
        let mut head = self.clone();
        head.version = change.facts.version;
        head.in_commit_timestamp = change.facts.in_commit_timestamp_ms;
        if let Some(protocol) = &change.protocol {
            head.protocol = protocol.clone();
        }
        if let Some(metadata) = &change.metadata {
            head.metadata = metadata.clone();
        }
        head.txns.extend(change.txns.clone());
        for (name, domain) in &change.domains {
            match domain {
                Some(domain) => drop(head.domains.insert(name.clone(), domain.clone())),
                None => drop(head.domains.remove(name)),
            }
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_finds_its_place() {
        let commit = concat!(
            r#"{"commitInfo":{"operation":"MERGE","inCommitTimestamp":7}}"#,
            "\n",
            r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
            "\n",
            r#"{"txn":{"appId":"s","version":3}}"#,
            "\n",
            r#"{"domainMetadata":{"domain":"d","configuration":"x"}}"#,
            "\n",
            r#"{"domainMetadata":{"domain":"e","configuration":"","removed":true}}"#,
            "\n",
            r#"{"remove":{"path":"a","dataChange":true,"deletionTimestamp":5}}"#,
            "\n",
            r#"{"add":{"path":"b","size":1,"dataChange":true}}"#,
        );
        let change = CommitChange::parse(4, 1, commit.as_bytes()).expect("commit");
        assert_eq!((change.facts.version, change.facts.timestamp_ms), (4, 7));
        assert!(change.protocol.is_some() && change.metadata.is_none());
        assert_eq!(change.txns["s"].version, 3);
        assert!(change.domains["d"].is_some() && change.domains["e"].is_none());
        assert_eq!((&*change.adds[0].0.path, &*change.removes[0].0.path), ("b", "a"));
        assert_eq!(change.removes[0].1.deletion_timestamp, Some(5));
    }

    #[test]
    fn a_malformed_action_is_named_by_its_line() {
        let error =
            CommitChange::parse(4, 1, b"{\"add\":{\"path\":\"b\",\"size\":1}}\n\n{\"add\":{\"path\":\"b\"}}")
                .expect_err("no size");
        assert_eq!(error.to_string(), "line 3 is a malformed add action");
    }
}
