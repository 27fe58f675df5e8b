//! `lakedr_external_location`: a storage root in one region, where copies and metadata may be written.

use std::sync::Arc;

use lakedr_control::spec::{ExternalLocationSpec, Kind, SnapshotScheduleSpec, SyncGroupSpec};
use lakedr_control::store::ControlStoreError;
use lakedr_control::validate::{self, Specs, Step, Violation};
use tokio_util::sync::CancellationToken;

use super::shared::{document_facts, document_name, name};
use crate::lifecycle::document::{DocumentKind, Facts};
use crate::lifecycle::documents::KnownGroup;
use crate::lifecycle::session::Session;
use crate::lifecycle::{catalog, location};
use crate::wire::{Attribute, Diagnostics, Meaning, Schema, Type, Value};

/// The resource type `lakedr_external_location`.
#[derive(Debug, Clone, Copy)]
pub struct ExternalLocation;

impl DocumentKind for ExternalLocation {
    type Spec = ExternalLocationSpec;

    const SEARCH: &'static str = "Lists the external locations in the control store, whether or not Terraform manages them, so that they can be imported.";

    fn schema() -> Schema {
        let mut attributes = vec![
            name(document_name!("location")),
            Attribute::string("region").required().describe("Region in which the location is, for example `westus2`."),
            Attribute::string("url").meaning(Meaning::Place).required().describe(
                "URL of the location: `abfss://container@account.dfs.core.windows.net/prefix`, `s3://bucket/prefix`, \
                 `az://container/prefix`, `gs://bucket/prefix`, or `file:///dir`. Must not contain a password, a query, or \
                 a fragment.",
            ),
            Attribute::string("comment").describe("Description of the location."),
            Attribute::bool("read_only").default(false).describe(
                "Whether the location may only be read from. Sync groups and snapshot schedules cannot store anything in a \
                 read-only location.",
            ),
        ];
        attributes.extend(options());
        attributes.push(
            Attribute::object("unity_catalog", unity_catalog())
                .describe(
                    "Registration of the location in Unity Catalog, as an external location of the same name. It is created, \
                     updated, and deleted together with this resource, and corrected when it has been changed there.",
                ),
        );
        attributes.extend(document_facts());
        Schema {
            version: 0,
            description: "Manages an external location: a named storage root in one region, in which lakedr keeps copies of \
                tables, group logs, and sync metadata.\n\nThe provider probes a location when it is created and whenever its \
                URL or its options change: it creates an object, tries to create the same object again, reads it, lists it, \
                and deletes it. Set `skip_validation` to `true` to skip the probe.\n\n~> **Note:** A store that ignores \
                conditional writes is rejected, because two executors could overwrite each other's entries there.",
            attributes,
        }
    }

    fn violations(spec: &Self::Spec) -> Vec<Violation> {
        validate::external_location(spec).err().unwrap_or_default()
    }

    async fn references(session: &Session, spec: &Self::Spec) -> Result<Vec<Violation>, ControlStoreError> {
        Ok(other_regions(spec, &session.groups().await?))
    }

    async fn foreseen(session: &Session, spec: &Self::Spec) -> Result<Vec<Violation>, ControlStoreError> {
        Ok(other_regions(spec, &session.groups_once().await?))
    }

    async fn examine(spec: &Self::Spec, prior: Option<&Self::Spec>, stop: &CancellationToken) -> Diagnostics {
        let place = |spec: &Self::Spec| {
            (spec.url.clone(), spec.storage_options.clone(), spec.secret_options.clone(), spec.read_only)
        };
        let unchanged = prior.is_some_and(|prior| place(prior) == place(spec) && !prior.skip_validation);
        if spec.skip_validation || unchanged {
            return Diagnostics::new();
        }
        location::probe(spec, stop).await
    }

    async fn establish(
        spec: &Self::Spec,
        prior: Option<&Self::Spec>,
        stop: &CancellationToken,
    ) -> Diagnostics {
        catalog::establish(spec, prior, stop).await
    }

    async fn abolish(spec: &Self::Spec, stop: &CancellationToken) -> Diagnostics {
        catalog::abolish(spec, stop).await
    }

    async fn facts(_: &Session, spec: &Self::Spec, _: &Value) -> Facts {
        catalog::facts(spec).await
    }

    fn written(session: &Session, name: &str) {
        session.homes.forget(name);
    }

    async fn users(session: &Session, name: &str) -> Result<Vec<(Kind, String)>, ControlStoreError> {
        let specs = Specs {
            sync_groups: session.specs::<SyncGroupSpec>().await?,
            snapshot_schedules: session.specs::<SnapshotScheduleSpec>().await?,
            ..Specs::default()
        };
        Ok(validate::location_users(name, &specs))
    }
}

fn options() -> Vec<Attribute> {
    vec![
        Attribute::plain("storage_options", Type::map(Type::String)).describe(
            "Options for accessing the location, for example `aws_endpoint`. The keys are those of the \
             [`object_store`](https://docs.rs/object_store) library. The values are stored in plain text, in the state and in \
             the control store: use `secret_options` for secrets.",
        ),
        Attribute::plain("secret_options", Type::map(Type::String)).describe(
            "Options for accessing the location whose values are secrets, for example `aws_secret_access_key`. Each value \
             must be a secret reference, never the secret itself: `env://NAME`, `file:///path`, or \
             `databricks://scope/key`. The executor resolves it at run time, and so does Terraform when it probes the \
             location."
        ),
        Attribute::bool("skip_validation").default(false).describe(
            "Whether to skip the probe of the location. Set this to `true` for a location that cannot be reached from where \
             Terraform runs, or to apply during an outage.",
        ),
    ]
}

fn unity_catalog() -> Vec<Attribute> {
    vec![
        Attribute::string("workspace_url")
            .required()
            .describe("URL of the Databricks workspace or of the open-source Unity Catalog server, for example `https://adb-1111111111111111.1.azuredatabricks.net`."),
        Attribute::string("token").required().describe("Token for Unity Catalog, whose owner has the privilege `CREATE EXTERNAL LOCATION`. Must be a secret reference, \
             never the secret itself: `env://NAME`, `file:///path`, or `databricks://scope/key`. It is resolved where \
             Terraform runs."),
        Attribute::string("credential_name")
            .required()
            .describe("Name of the storage credential with which Unity Catalog accesses the location."),
    ]
}

/// The groups that use the location in another region than its own.
fn other_regions(spec: &ExternalLocationSpec, groups: &[Arc<KnownGroup>]) -> Vec<Violation> {
    let groups = groups.iter().map(|group| &group.spec);
    let sides = groups.flat_map(|group| [(group, &group.primary), (group, &group.secondary)]);
    let wrong = sides.filter(|(_, side)| side.location == spec.name && side.region != spec.region);
    wrong.map(|(group, side)| region_in_use(&spec.region, &side.region, &group.name)).collect()
}

fn region_in_use(region: &str, expected: &str, group: &str) -> Violation {
    Violation {
        path: vec![Step::Attribute("region".to_owned())],
        problem: format!(
            "the location is used in {expected} by sync group {group:?} and cannot lie in {region}"
        ),
        remedy: "give the group another location first, or keep the region".to_owned(),
    }
}
