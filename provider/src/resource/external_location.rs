//! `lakedr_external_location`: a storage root in one region, where copies and metadata may be written.

use std::sync::Arc;

use lakedr_control::spec::{ExternalLocationSpec, Kind, SnapshotScheduleSpec, SyncGroupSpec};
use lakedr_control::store::ControlStoreError;
use lakedr_control::validate::{self, Specs, Step, Violation};
use tokio_util::sync::CancellationToken;

use super::shared::{document_facts, name, secret_reference};
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

    const SEARCH: &'static str = "Finds the external locations of the control store, whether Terraform manages them or not, so that they can be imported.";

    fn schema() -> Schema {
        let mut attributes = vec![
            name("Name of the location, unique in the control store: 1 to 63 lower-case letters, digits, `_` and `-`, \
                  beginning with a letter or digit. Another name is another location."),
            Attribute::string("region").required().describe("Region that the location lies in, for example `westus2`."),
            Attribute::string("url").meaning(Meaning::Place).required().describe(
                "Root of the location: `abfss://container@account.dfs.core.windows.net/prefix`, `s3://bucket/prefix`, \
                 `az://container/prefix`, `gs://bucket/prefix` or `file:///dir`. Without password, query and fragment.",
            ),
            Attribute::string("comment").describe("What the location is for, in your words."),
            Attribute::bool("read_only").default(false).describe(
                "Refuse everything that would write here. A sync group or snapshot schedule cannot keep anything in a \
                 read-only location.",
            ),
        ];
        attributes.extend(options());
        attributes.push(
            Attribute::object("unity_catalog", unity_catalog())
                .describe(
                    "Registers the location in Unity Catalog under its name, so that governed readers may use it: made, \
                     changed and removed with this resource, and mended when it differs there. Terraform does this \
                     itself, so the token has to be resolved where Terraform runs.",
                ),
        );
        attributes.extend(document_facts());
        Schema {
            version: 0,
            description: "A named storage root in one region: the place where copies of tables, the group log and the \
                sync metadata may be written.\n\nUnless `skip_validation` is set, the location is probed when it is \
                created and when its URL or options change: an object is created, created again (which has to fail), \
                read, listed and deleted. A store that ignores conditional writes is refused, because two executors \
                could overwrite each other there.",
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
            "Options for reaching the location, under the keys of the `object_store` crate, for example \
             `aws_endpoint`. Stored in plain text: secrets belong in `secret_options`.",
        ),
        Attribute::plain("secret_options", Type::map(Type::String)).describe(secret_reference!(
            "Options for reaching the location whose values are secrets, for example `aws_secret_access_key`."
        )),
        Attribute::bool("skip_validation").default(false).describe(
            "Do not probe the location. For locations that cannot be reached from where Terraform runs, and for \
             applying during an outage.",
        ),
    ]
}

fn unity_catalog() -> Vec<Attribute> {
    vec![
        Attribute::string("workspace_url")
            .required()
            .describe("URL of the workspace or of the open-source Unity Catalog server, `https://…`."),
        Attribute::string("token").required().describe("Token for the catalog, which has CREATE EXTERNAL LOCATION. A reference, never the secret itself: `env://NAME`, \
             `file:///run/secrets/x` or `databricks://scope/key`, resolved where Terraform runs."),
        Attribute::string("credential_name")
            .required()
            .describe("Storage credential that the catalog uses for the location."),
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
