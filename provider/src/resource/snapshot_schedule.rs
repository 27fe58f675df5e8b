//! `lakedr_snapshot_schedule`: copies of tables kept on a schedule, with retention.

use lakedr_control::spec::SnapshotScheduleSpec;
use lakedr_control::store::ControlStoreError;
use lakedr_control::validate::{self, Specs, Violation};

use super::shared::{document_facts, name, schedule};
use crate::lifecycle::document::DocumentKind;
use crate::lifecycle::session::Session;
use crate::wire::{Attribute, Meaning, Schema, Type};

/// The resource type `lakedr_snapshot_schedule`.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotSchedule;

impl DocumentKind for SnapshotSchedule {
    type Spec = SnapshotScheduleSpec;

    const SEARCH: &'static str = "Finds the snapshot schedules of the control store, whether Terraform manages them or not, so that they can be imported.";

    const RESTS_ON: &'static [(&'static str, &'static [&'static str])] =
        &[("overwrite", &["mode"]), ("schedule.timezone", &["schedule.interval"])];

    fn schema() -> Schema {
        let mut attributes = vec![
            name("Name of the schedule, unique in the control store: 1 to 63 lower-case letters, digits, `_` and `-`, \
                  beginning with a letter or digit. Another name is another schedule."),
            Attribute::object("source", source())
                .required()
                .describe("What is copied: either `sync_group`, or `region` with `table_root` and `tables`."),
            Attribute::plain("exclude", Type::list(Type::String)).describe(
                "Tables that are left out: `catalog.schema.table`, or patterns in which `*` stands for any text.",
            ),
            Attribute::object("target", target()).required().describe("Where the copies are kept."),
            Attribute::string("mode").default("incremental").one_of(&["incremental", "batch"]).describe(
                "`incremental`: copies share the files that did not change. `batch`: each copy is complete in itself.",
            ),
            Attribute::bool("overwrite")
                .default(false)
                .describe("Keep one copy only and replace it. Mode `batch` only."),
            schedule("When a copy is taken: exactly one of `interval` and `cron`.").required(),
            Attribute::object("retention", retention()).describe(
                "Which copies are kept: a copy is kept when any of the rules keeps it. All copies are kept when left out.",
            ),
            Attribute::bool("paused").default(false).describe("Take no copies; those that exist are kept."),
        ];
        attributes.extend(document_facts());
        Schema {
            version: 0,
            description: "Copies of tables kept on a schedule in an external location, with retention.",
            attributes,
        }
    }

    fn violations(spec: &Self::Spec) -> Vec<Violation> {
        validate::snapshot_schedule(spec).err().unwrap_or_default()
    }

    fn doubts(spec: &Self::Spec) -> Vec<Violation> {
        validate::schedule_doubts(spec)
    }

    async fn references(session: &Session, spec: &Self::Spec) -> Result<Vec<Violation>, ControlStoreError> {
        let location = session.control.get(&spec.target.location).await?;
        let group = match &spec.source.sync_group {
            Some(group) => session.control.get(group).await?,
            None => None,
        };
        let specs = Specs {
            external_locations: location.into_iter().map(|stored| stored.document.spec).collect(),
            sync_groups: group.into_iter().map(|stored| stored.document.spec).collect(),
            snapshot_schedules: Vec::new(),
        };
        Ok(validate::schedule_references(spec, &specs))
    }
}

fn source() -> Vec<Attribute> {
    let table = vec![
        Attribute::string("name")
            .required()
            .describe("`catalog.schema.table`; a part that holds a dot in back-quotes."),
        Attribute::string("url")
            .meaning(Meaning::Place)
            .describe("URL of the table, if it does not follow from `table_root`."),
    ];
    vec![
        Attribute::string("sync_group")
            .describe("All tables of this sync group, at its newest recovery point."),
        Attribute::string("region").describe("Region of the tables."),
        Attribute::string("table_root")
            .meaning(Meaning::Place)
            .describe("Root of the tables: a table without `url` lies at `table_root/catalog/schema/table`."),
        Attribute::objects("tables", table).describe("The tables."),
    ]
}

fn target() -> Vec<Attribute> {
    vec![
        Attribute::string("location").required().describe("Name of the external location."),
        Attribute::string("prefix")
            .describe("Folder in the location, for example `snapshots/bronze`; its root when left out."),
    ]
}

fn retention() -> Vec<Attribute> {
    let count =
        |name, description| Attribute::number(name).whole(1, u64::from(u32::MAX)).describe(description);
    vec![
        count("keep_last", "Keeps so many of the newest copies."),
        count("keep_hourly", "Keeps the newest copy of each of the last so many hours that have one."),
        count("keep_daily", "Keeps the newest copy of each of the last so many days that have one."),
        count("keep_weekly", "Keeps the newest copy of each of the last so many weeks that have one."),
        count("keep_monthly", "Keeps the newest copy of each of the last so many months that have one."),
        count("keep_yearly", "Keeps the newest copy of each of the last so many years that have one."),
        Attribute::string("keep_within")
            .meaning(Meaning::Duration)
            .describe("Keeps every copy younger than this, for example `30d`."),
    ]
}
