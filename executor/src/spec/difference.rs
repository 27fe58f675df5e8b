//! Where two specifications of the same name differ.

use std::collections::BTreeSet;

use lakedr_control::codec::Document;
use lakedr_control::spec::Spec;
use lakedr_control::time;
use serde::Serialize;
use serde_json::Value;

/// How a document differs from what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Kind of the document.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What differs.
    pub problem: String,
}

impl Difference {
    /// Something that is to be said about a document.
    #[must_use]
    pub fn new<S: Spec>(name: &str, problem: String) -> Self {
        Self { kind: S::KIND.tag(), name: name.to_owned(), problem }
    }

    /// How a stored document differs from a specification; none when both say the same.
    #[must_use]
    pub fn between<S: Spec>(spec: &S, stored: &Document<S>) -> Option<Self> {
        if stored.spec == *spec {
            return None;
        }
        let attributes = attributes(spec, &stored.spec).join(", ");
        let (written, region) = (time::format(stored.written_at), &stored.written_by.region);
        let problem = format!("differs in {attributes} (written {written} by the provider in {region})");
        Some(Self::new::<S>(spec.name(), problem))
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}: {}", self.kind, self.name, self.problem)
    }
}

/// Paths of the attributes that differ, as Terraform writes them. Lists of the same length are compared element by element.
fn attributes<S: Serialize>(a: &S, b: &S) -> Vec<String> {
    let value = |spec: &S| serde_json::to_value(spec).unwrap_or_default();
    let mut found = Vec::new();
    compare("", &value(a), &value(b), &mut found);
    found
}

fn compare(path: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let dot = if path.is_empty() { "" } else { "." };
            for key in keys {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                compare(&format!("{path}{dot}{key}"), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{index}]"), a, b, found);
            }
        }
        _ if a != b => found.push(path.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_attribute_that_differs_is_named_once() {
        let here = json!({"name": "etl", "tables": [{"name": "a"}, {"name": "b", "url": "s3://b"}],
                          "notify": {"on": ["failure"]}, "paused": true});
        let there = json!({"name": "etl", "tables": [{"name": "a"}, {"name": "c"}],
                           "notify": {"on": ["failure", "stale"]}, "schedule": "@daily"});
        assert_eq!(
            attributes(&here, &there),
            ["notify.on", "paused", "schedule", "tables[1].name", "tables[1].url"]
        );
        assert_eq!(attributes(&here, &here), Vec::<String>::new());
    }
}
