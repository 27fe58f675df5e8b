//! Every resource type, data source and function of the provider, by name.

use super::document::{DocumentResource, Resource};
use crate::data::{self, DataSource, RecoveryPoints, Snapshots, SyncStatus};
use crate::function::{CronNext, FromDrSyncConfig, Function, TableUrl};
use crate::resource::{ExternalLocation, SnapshotSchedule, SyncGroup};

/// What the provider offers. Built without any configuration: Terraform calls methods without having asked for schemas.
pub struct Registry {
    resources: Vec<Box<dyn Resource>>,
    data_sources: Vec<Box<dyn DataSource>>,
    functions: Vec<Box<dyn Function>>,
}

impl Registry {
    /// Everything.
    #[must_use]
    pub fn new() -> Self {
        Self {
            resources: vec![
                Box::new(DocumentResource::<ExternalLocation>::new()),
                Box::new(DocumentResource::<SyncGroup>::new()),
                Box::new(DocumentResource::<SnapshotSchedule>::new()),
            ],
            data_sources: vec![
                Box::new(data::ExternalLocation::new()),
                Box::new(RecoveryPoints::new()),
                Box::new(Snapshots::new()),
                Box::new(SyncStatus::new()),
            ],
            functions: vec![
                Box::new(CronNext::new()),
                Box::new(FromDrSyncConfig::new()),
                Box::new(TableUrl::new()),
            ],
        }
    }

    /// All resource types.
    pub fn resources(&self) -> impl Iterator<Item = &dyn Resource> {
        self.resources.iter().map(AsRef::as_ref)
    }

    /// All data sources.
    pub fn data_sources(&self) -> impl Iterator<Item = &dyn DataSource> {
        self.data_sources.iter().map(AsRef::as_ref)
    }

    /// All functions.
    pub fn functions(&self) -> impl Iterator<Item = &dyn Function> {
        self.functions.iter().map(AsRef::as_ref)
    }

    /// A function.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&dyn Function> {
        self.functions().find(|function| function.name() == name)
    }

    /// A resource type.
    #[must_use]
    pub fn resource(&self, type_name: &str) -> Option<&dyn Resource> {
        self.resources().find(|resource| resource.type_name() == type_name)
    }

    /// A data source.
    #[must_use]
    pub fn data_source(&self, type_name: &str) -> Option<&dyn DataSource> {
        self.data_sources().find(|source| source.type_name() == type_name)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use lakedr_control::spec::{ExternalLocationSpec, SnapshotScheduleSpec, Spec, SyncGroupSpec};

    use super::*;
    use crate::lifecycle::convert::{from_spec, to_spec};
    use crate::lifecycle::examine::examine;
    use crate::wire::{Attribute, Constraint, Kind, Presence, Schema, Type, Value, json};

    fn schemas() -> Vec<(String, Schema)> {
        let registry = Registry::new();
        let resources =
            registry.resources().map(|known| (known.type_name().to_owned(), known.schema().clone()));
        let sources =
            registry.data_sources().map(|known| (known.type_name().to_owned(), known.schema().clone()));
        let provider = ("provider".to_owned(), crate::provider_config::schema());
        resources.chain(sources).chain([provider]).collect()
    }

    fn visit(path: &str, attributes: &[Attribute], check: &mut dyn FnMut(&str, &Attribute)) {
        for attribute in attributes {
            let path = format!("{path}.{}", attribute.name);
            check(&path, attribute);
            if let Kind::Nested(_, inner) = &attribute.kind {
                visit(&path, inner, check);
            }
        }
    }

    /// Terraform crashes on a schema without block or with a type that it cannot parse.
    #[test]
    fn every_schema_is_one_that_terraform_accepts() {
        for (name, schema) in schemas() {
            let wire: tfplugin::tfplugin6::Schema = (&schema).into();
            assert!(wire.block.is_some(), "{name}");
            visit(&name, &schema.attributes, &mut |path, attribute| {
                let wire: tfplugin::tfplugin6::schema::Attribute = attribute.into();
                assert!(wire.required || wire.optional || wire.computed, "{path}");
                assert!(!(wire.required && (wire.optional || wire.computed)), "{path}");
                match wire.nested_type {
                    Some(nested) => assert!(wire.r#type.is_empty() && nested.nesting != 0, "{path}"),
                    None => drop(String::from_utf8(wire.r#type).unwrap().parse::<Type>().unwrap()),
                }
            });
        }
    }

    #[test]
    fn everything_is_described() {
        for (name, schema) in schemas() {
            assert!(!schema.description.is_empty(), "{name}");
            visit(&name, &schema.attributes, &mut |path, attribute| {
                let text = attribute.documentation();
                assert!(text.ends_with('.'), "{path} needs a sentence: {text:?}");
                let capital = text.starts_with(|c: char| c.is_uppercase() || c == '`');
                assert!(capital, "{path} begins in the middle: {text:?}");
                assert!(!text.contains("  "), "{path} has a gap: {text:?}");
                let code: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
                if let (true, Some(Constraint::OneOf(choices))) =
                    (attribute.is_configurable(), attribute.constraint)
                {
                    assert!(text.contains("Must be "), "{path} does not say what it takes: {text:?}");
                    assert!(
                        choices.iter().all(|choice| code.contains(choice)),
                        "{path} lacks a choice: {text:?}"
                    );
                }
            });
        }
    }

    fn schema_of<S: Spec>() -> Schema {
        Registry::new().resource(S::KIND.resource_type()).unwrap().schema().clone()
    }

    /// A configuration in which every attribute is set, to a different value than its default.
    fn full(attributes: &[Attribute]) -> Value {
        let configurable = attributes.iter().filter(|attribute| attribute.is_configurable());
        Value::object(configurable.map(|attribute| {
            let value = match (&attribute.kind, attribute.constraint) {
                (_, Some(Constraint::OneOf(choices))) => Value::from(choices[choices.len() - 1]),
                (_, Some(Constraint::Whole { max, .. })) => Value::from(max),
                (Kind::Plain(Type::String), _) => Value::from("text"),
                (Kind::Plain(Type::Bool), _) => Value::from(true),
                (Kind::Plain(Type::Number), _) => Value::Number("0.25".parse().unwrap()),
                (Kind::Plain(Type::Map(_)), _) => Value::Map([("k".to_owned(), "v".into())].into()),
                (Kind::Plain(_), _) => Value::List(vec!["text".into()]),
                (Kind::Nested(crate::wire::Nesting::List, inner), _) => Value::List(vec![full(inner)]),
                (Kind::Nested(_, inner), _) => full(inner),
            };
            (attribute.name, value)
        }))
    }

    fn agrees<S: Spec>() {
        let schema = schema_of::<S>();
        let full = full(&schema.attributes);
        let spec: S = to_spec(&schema, &full).unwrap();
        assert_eq!(from_spec(&schema, &spec).unwrap(), full, "every attribute is a field and comes back");

        // only what is required: the defaults of schema and spec are the same
        let text = json::encode(&full, json::Nulls::Omit).unwrap();
        let mut least: serde_json::Value = serde_json::from_str(&text).unwrap();
        keep_required(&mut least, &schema.attributes);
        let least = json::decode(&least.to_string(), &schema.ty()).unwrap();
        let judged = examine(&schema, &least).judged;
        let spec: S = to_spec(&schema, &least).unwrap();
        assert_eq!(from_spec(&schema, &spec).unwrap(), judged, "defaults of {}", S::KIND);
    }

    fn keep_required(object: &mut serde_json::Value, attributes: &[Attribute]) {
        for attribute in attributes {
            if attribute.presence != Presence::Required {
                object.as_object_mut().unwrap().remove(attribute.name);
            } else if let Kind::Nested(nesting, inner) = &attribute.kind {
                let nested = &mut object[attribute.name];
                let nested = if *nesting == crate::wire::Nesting::List { &mut nested[0] } else { nested };
                keep_required(nested, inner);
            }
        }
    }

    #[test]
    fn schemas_and_specs_are_the_same_thing() {
        agrees::<ExternalLocationSpec>();
        agrees::<SyncGroupSpec>();
        agrees::<SnapshotScheduleSpec>();
    }
}
