//! Does a replica's state equal its source's, by what a clone promises?
//!
//! Equal are: live files by key and field, metadata but for the table id and creation time, properties but
//! for the few that name the source, domains, and the progress of every application. The protocol of the replica
//! may be stronger.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use super::checksum::TXN_RETENTION;
use super::replica::configuration::{replica_configuration, without_enablement};
use super::replica::file::{differing_fields, replica_file, same_value};
use super::replica::progress::{self, Differing};
use super::replica::protocol::replica_protocol;
use super::root::TableRoot;
use super::state::{AddFile, FileKey, Metadata, TableHead, TableState, Txn};

/// What two states differ in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// The url of the source is no url.
    Url,
    /// Versions and table features.
    Protocol,
    /// A field of the `metaData` action.
    Metadata {
        /// Name of the field.
        field: String,
    },
    /// A table property.
    Property {
        /// Name of the property.
        key: String,
    },
    /// A live file as a whole.
    File {
        /// The path as logged.
        path: String,
    },
    /// A field of a live file's add action.
    FileField {
        /// The path as logged.
        path: String,
        /// Name of the field.
        field: String,
    },
    /// Progress of an application.
    Txn {
        /// Id of the application.
        app_id: String,
    },
    /// Configuration of a domain.
    Domain {
        /// Name of the domain.
        name: String,
    },
}

/// One difference; an absent side is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs.
    #[serde(flatten)]
    pub subject: Subject,
    /// What a replica of the source must have.
    pub source: Option<String>,
    /// What the target has.
    pub target: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Url => write!(formatter, "url of the source")?,
            Subject::Protocol => write!(formatter, "protocol")?,
            Subject::Metadata { field } => write!(formatter, "metaData.{field}")?,
            Subject::Property { key } => write!(formatter, "property `{key}`")?,
            Subject::File { path } => write!(formatter, "file `{path}`")?,
            Subject::FileField { path, field } => write!(formatter, "file `{path}`, field `{field}`")?,
            Subject::Txn { app_id } => write!(formatter, "txn of `{app_id}`")?,
            Subject::Domain { name } => write!(formatter, "domain `{name}`")?,
        }
        let side = |value: &Option<String>| value.as_deref().unwrap_or("absent").to_owned();
        write!(formatter, ": source {}, target {}", side(&self.source), side(&self.target))
    }
}

/// All differences between a source and its replica; none means that the replica is equal.
#[must_use]
pub fn differences(source: &TableState, target: &TableState) -> Vec<Difference> {
    let mut found = head_differences(&source.head, &target.head);
    files(source, target, &mut found);
    found
}

/// All differences between a source and its replica, their files aside.
#[must_use]
pub fn head_differences(source: &TableHead, target: &TableHead) -> Vec<Difference> {
    let mut found = Vec::new();
    let protocol = replica_protocol(&source.protocol, Some(&target.protocol));
    if !protocol.same(&target.protocol) {
        let sides = (Some(protocol.raw.text()), Some(target.protocol.raw.text()));
        found.push(difference(Subject::Protocol, sides.0, sides.1));
    }
    let fields = differing_metadata(&source.metadata, &target.metadata);
    found.extend(fields.into_iter().map(|(field, a, b)| Difference {
        subject: Subject::Metadata { field },
        source: a,
        target: b,
    }));
    properties(&source.metadata, &target.metadata, &mut found);
    txns(source, target, &mut found);
    domains(source, target, &mut found);
    found
}

fn difference(subject: Subject, source: Option<&str>, target: Option<&str>) -> Difference {
    Difference { subject, source: source.map(str::to_owned), target: target.map(str::to_owned) }
}

/// Fields of the `metaData` action that a replica has for itself, or that are compared one by one.
const OWN_METADATA: [&str; 3] = ["id", "createdTime", "configuration"];

/// Name and both sides of a field that differs.
type FieldSides = (String, Option<String>, Option<String>);

/// The fields in which the metadata of a replica differs from its source, properties aside.
pub(crate) fn differing_metadata(source: &Metadata, target: &Metadata) -> Vec<FieldSides> {
    let (left, right) = (source.raw.fields(), target.raw.fields());
    let names: BTreeSet<&str> = left.iter().chain(right.iter()).map(|(name, _)| name).collect();
    let names = names.into_iter().filter(|name| !OWN_METADATA.contains(name));
    names
        .filter(|name| !same_value(left.get(name), right.get(name)))
        .map(|name| {
            let side = |raw: Option<&RawValue>| raw.map(|raw| raw.get().to_owned());
            (name.to_owned(), side(left.get(name)), side(right.get(name)))
        })
        .collect()
}

fn properties(source: &Metadata, target: &Metadata, found: &mut Vec<Difference>) {
    let expected = replica_configuration(&source.configuration);
    let actual = without_enablement(&target.configuration);
    let keys: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    for key in keys {
        let (a, b) = (expected.get(key), actual.get(key));
        if a != b {
            let subject = Subject::Property { key: key.clone() };
            found.push(difference(subject, a.map(String::as_str), b.map(String::as_str)));
        }
    }
}

fn files(source: &TableState, target: &TableState, found: &mut Vec<Difference>) {
    let root = match TableRoot::parse(&source.head.url) {
        // names are compared and nothing is read
        Ok(root) => root.with_files_elsewhere(true),
        Err(error) => {
            found.push(difference(Subject::Url, Some(&error.to_string()), None));
            return;
        }
    };
    let mut expected = BTreeSet::new();
    for (key, add) in &source.files {
        match replica_file(key, add, &source.head.url, &root) {
            Ok(file) => {
                compare_file(&file.key, &file.add, target.files.get(&file.key), found);
                expected.insert(file.key);
            }
            Err(refusal) => {
                let subject = Subject::File { path: key.path.to_string() };
                found.push(difference(subject, Some(&refusal.to_string()), None));
            }
        }
    }
    for key in target.files.keys().filter(|key| !expected.contains(*key)) {
        found.push(difference(Subject::File { path: shown(key) }, None, Some("live")));
    }
}

fn compare_file(key: &FileKey, source: &AddFile, target: Option<&AddFile>, found: &mut Vec<Difference>) {
    let Some(target) = target else {
        found.push(difference(Subject::File { path: shown(key) }, Some("live"), None));
        return;
    };
    let names = differing_fields(source, target);
    let (left, right) = (source.raw.fields(), target.raw.fields());
    for field in names {
        let (a, b) = (left.get(&field).map(RawValue::get), right.get(&field).map(RawValue::get));
        found.push(difference(Subject::FileField { path: shown(key), field: field.clone() }, a, b));
    }
}

fn shown(key: &FileKey) -> String {
    match &key.vector {
        Some(vector) => format!("{} with deletion vector {vector}", key.path),
        None => key.path.to_string(),
    }
}

fn txns(source: &TableHead, target: &TableHead, found: &mut Vec<Difference>) {
    // what the source no longer says may have expired there since
    let expires = source.metadata.property(TXN_RETENTION).is_some();
    let differing = progress::differing(source, Some(target)).into_iter();
    for Differing { app_id, source, target } in differing.filter(|it| it.source.is_some() || !expires) {
        let subject = Subject::Txn { app_id: app_id.to_owned() };
        let text = |txn: Option<&Txn>| txn.map(|txn| txn.raw.text().to_owned());
        found.push(Difference { subject, source: text(source), target: text(target) });
    }
}

fn domains(source: &TableHead, target: &TableHead, found: &mut Vec<Difference>) {
    let configurations = |head: &TableHead| -> BTreeMap<String, String> {
        head.domains.iter().map(|(name, domain)| (name.clone(), domain.configuration.clone())).collect()
    };
    let (expected, actual) = (configurations(source), configurations(target));
    let names: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    for name in names {
        let (a, b) = (expected.get(name), actual.get(name));
        if a != b {
            let subject = Subject::Domain { name: name.clone() };
            found.push(difference(subject, a.map(String::as_str), b.map(String::as_str)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::action::actions;
    use crate::delta::replay::Replay;

    const METADATA: &str = r#"{"metaData":{"id":"ID","format":{"provider":"parquet","options":{}},"schemaString":"SCHEMA","partitionColumns":[],"configuration":{CONF},"createdTime":1}}"#;

    fn state(id: &str, configuration: &str, rest: &str) -> TableState {
        let metadata = METADATA.replace("ID", id).replace("CONF", configuration);
        let log =
            format!("{{\"protocol\":{{\"minReaderVersion\":1,\"minWriterVersion\":2}}}}\n{metadata}\n{rest}");
        let mut replay = Replay::new();
        for action in actions(log.as_bytes()) {
            replay.apply(action.expect("line")).expect("action");
        }
        replay.finish("file:///t", 1).expect("state")
    }

    fn shown(source: &TableState, target: &TableState) -> Vec<String> {
        differences(source, target).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_replica_has_for_itself_does_not_count() {
        let source = state("a", r#""io.unitycatalog.tableId":"x","k":"v""#, "");
        let target = state(
            "b",
            r#""delta.inCommitTimestampEnablementVersion":"3","k":"v""#,
            r#"{"txn":{"appId":"lakedr/g/t","version":3}}"#,
        );
        assert_eq!(shown(&source, &target), Vec::<String>::new());
    }

    #[test]
    fn every_other_difference_is_named() {
        let source = state(
            "a",
            r#""k":"v""#,
            concat!(
                "{\"add\":{\"path\":\"x\",\"size\":1}}\n{\"add\":{\"path\":\"y\",\"size\":1}}\n",
                "{\"txn\":{\"appId\":\"s\",\"version\":3}}\n{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"1\"}}"
            ),
        );
        let mut target = state(
            "a",
            "",
            "{\"add\":{\"path\":\"x\",\"size\":2}}\n{\"add\":{\"path\":\"z\",\"size\":1}}\n{\"txn\":{\"appId\":\"s\",\"version\":2}}",
        );
        target.head.metadata.raw = target.head.metadata.raw.with_raw("schemaString", "\"other\"");
        assert_eq!(
            shown(&source, &target),
            [
                r#"metaData.schemaString: source "SCHEMA", target "other""#,
                "property `k`: source v, target absent",
                r#"txn of `s`: source {"appId":"s","version":3}, target {"appId":"s","version":2}"#,
                "domain `d`: source 1, target absent",
                "file `x`, field `size`: source 1, target 2",
                "file `y`: source live, target absent",
                "file `z`: source absent, target live",
            ]
        );
    }

    #[test]
    fn a_weaker_protocol_is_a_difference() {
        let target = state("a", "", "");
        let source = state("a", "", r#"{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}"#);
        assert_eq!(differences(&source, &target).len(), 1);
        assert_eq!(differences(&target, &source), Vec::new());
    }
}
