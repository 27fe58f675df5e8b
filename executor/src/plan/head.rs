//! What a commit has to say beside the files: protocol, metadata, domains, progress of applications.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::commit_body::{CloneContext, own_txn};
use crate::delta::action::ActionKind;
use crate::delta::compare::differing_metadata;
use crate::delta::json::{JsonError, ObjectWriter, RawObject};
use crate::delta::protocol::Protocol;
use crate::delta::replica::configuration::{
    ENABLEMENT_TIMESTAMP, ENABLEMENT_VERSION, enablement, replica_configuration, without_enablement,
};
use crate::delta::replica::progress::{self, Differing};
use crate::delta::replica::protocol::replica_protocol;
use crate::delta::state::{Metadata, TableHead};

/// The difference between two heads, as actions to commit.
#[derive(Debug, Clone)]
pub struct HeadChange {
    protocol: Option<Protocol>,
    /// The source's action; id and properties are set when the commit is written.
    source: Metadata,
    /// What the target has, if it exists.
    target: Option<Metadata>,
    /// Whether the commit needs a `metaData` action.
    metadata: bool,
    domains: Vec<RawObject>,
    dropped_domains: BTreeMap<String, String>,
    txns: Vec<RawObject>,
}

impl HeadChange {
    /// Compares the head of a source with that of its target; no target means a first clone.
    #[must_use]
    pub fn between(source: &TableHead, target: Option<&TableHead>) -> Self {
        let protocol = replica_protocol(&source.protocol, target.map(|head| &head.protocol));
        let changed = target.is_none_or(|head| !head.protocol.same(&protocol));
        Self {
            protocol: changed.then_some(protocol),
            source: source.metadata.clone(),
            target: target.map(|head| head.metadata.clone()),
            metadata: target.is_none_or(|head| metadata_differs(&source.metadata, &head.metadata)),
            domains: changed_domains(source, target),
            dropped_domains: dropped_domains(source, target),
            txns: progress::differing(source, target).iter().filter_map(Differing::action).collect(),
        }
    }

    /// Whether the target needs nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.protocol.is_none()
            && !self.metadata
            && self.domains.is_empty()
            && self.dropped_domains.is_empty()
            && self.txns.is_empty()
    }

    /// Whether a boolean property is on at the source.
    pub(super) fn is_on(&self, property: &str) -> bool {
        self.source.is_on(property)
    }

    /// Whether commits need an in-commit timestamp (protocol, "In-Commit Timestamps").
    pub(super) fn in_commit_timestamps(&self) -> bool {
        self.is_on("delta.enableInCommitTimestamps")
    }

    /// The actions, in the order in which a commit says them.
    pub(super) fn actions(&self, context: &CloneContext<'_>) -> Vec<(ActionKind, RawObject)> {
        let mut actions = Vec::new();
        actions.extend(self.protocol.as_ref().map(|protocol| (ActionKind::Protocol, protocol.raw.clone())));
        if self.metadata {
            actions.push((ActionKind::Metadata, self.metadata_action(context)));
        }
        let dropped = self.dropped_domains.iter().map(|(name, configuration)| tombstone(name, configuration));
        let domains = dropped.chain(self.domains.iter().cloned());
        actions.extend(domains.map(|domain| (ActionKind::DomainMetadata, domain)));
        actions.extend(self.txns.iter().map(|txn| (ActionKind::Txn, txn.clone())));
        actions
    }

    /// The head of the target once the commits from `first` to `last` are made.
    ///
    /// # Errors
    /// [`JsonError`], which would be a bug: the actions are the ones that are committed.
    pub fn applied(
        &self,
        before: Option<&TableHead>,
        url: &str,
        first: &CloneContext<'_>,
        last: &CloneContext<'_>,
    ) -> Result<TableHead, JsonError> {
        let mut head = TableHead {
            url: url.to_owned(),
            version: last.target_version,
            protocol: before.map_or_else(|| self.protocol(), |head| Ok(head.protocol.clone()))?,
            metadata: before.map_or_else(
                || Metadata::parse(self.metadata_action(first)),
                |head| Ok(head.metadata.clone()),
            )?,
            txns: before.map(|head| head.txns.clone()).unwrap_or_default(),
            domains: before.map(|head| head.domains.clone()).unwrap_or_default(),
            in_commit_timestamp: self.in_commit_timestamps().then(|| last.in_commit_timestamp()),
        };
        for (kind, action) in self.actions(first).into_iter().chain([(ActionKind::Txn, own_txn(first))]) {
            head.apply(&kind, action)?;
        }
        Ok(head)
    }

    fn protocol(&self) -> Result<Protocol, JsonError> {
        self.protocol.clone().ok_or(JsonError::Missing { field: "protocol" })
    }

    fn metadata_action(&self, context: &CloneContext<'_>) -> RawObject {
        let own = self.target.as_ref().map(|own| own.id.clone());
        let id = own.unwrap_or_else(|| context.target_table_id.to_string());
        let mut configuration = replica_configuration(&self.source.configuration);
        configuration.extend(self.own_enablement(context));
        self.source
            .raw
            .with_raw("id", &Value::from(id).to_string())
            .with_raw("configuration", &json!(configuration).to_string())
    }

    /// Since when the target itself has in-commit timestamps: not said when since its first version, kept when it had
    /// them before, this commit otherwise.
    fn own_enablement(&self, context: &CloneContext<'_>) -> BTreeMap<String, String> {
        let before = self.target.as_ref();
        match before.filter(|target| target.is_on("delta.enableInCommitTimestamps")) {
            _ if !self.in_commit_timestamps() || context.target_version == 0 => BTreeMap::new(),
            Some(target) => enablement(&target.configuration),
            None => [
                (ENABLEMENT_VERSION, context.target_version.to_string()),
                (ENABLEMENT_TIMESTAMP, context.in_commit_timestamp().to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
        }
    }
}

fn metadata_differs(source: &Metadata, target: &Metadata) -> bool {
    !differing_metadata(source, target).is_empty()
        || replica_configuration(&source.configuration) != without_enablement(&target.configuration)
}

fn tombstone(name: &str, configuration: &str) -> RawObject {
    let mut domain = ObjectWriter::default();
    domain.field("domain", name).field("configuration", configuration).field("removed", true);
    domain.finish()
}

fn changed_domains(source: &TableHead, target: Option<&TableHead>) -> Vec<RawObject> {
    let held = |name: &String| target.and_then(|head| head.domains.get(name));
    let changed = source
        .domains
        .iter()
        .filter(|(name, domain)| held(name).is_none_or(|other| other.configuration != domain.configuration));
    changed.map(|(_, domain)| domain.raw.clone()).collect()
}

fn dropped_domains(source: &TableHead, target: Option<&TableHead>) -> BTreeMap<String, String> {
    let domains = target.into_iter().flat_map(|head| &head.domains);
    let dropped = domains.filter(|(name, _)| !source.domains.contains_key(*name));
    dropped.map(|(name, domain)| (name.clone(), domain.configuration.clone())).collect()
}
