//! `lakedr_snapshot_schedule`: copies of tables kept on a schedule, with retention.

use lakedr_control::spec::SnapshotScheduleSpec;
use lakedr_control::store::ControlStoreError;
use lakedr_control::validate::{self, Specs, Violation};

use super::shared::{document_facts, document_name, name, schedule};
use crate::lifecycle::document::DocumentKind;
use crate::lifecycle::session::Session;
use crate::wire::{Attribute, Meaning, Schema, Type};

/// The resource type `lakedr_snapshot_schedule`.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotSchedule;

impl DocumentKind for SnapshotSchedule {
    type Spec = SnapshotScheduleSpec;

    const SEARCH: &'static str = "Lists the snapshot schedules in the control store, whether or not Terraform manages them, so that they can be imported.";

    const RESTS_ON: &'static [(&'static str, &'static [&'static str])] =
        &[("overwrite", &["mode"]), ("schedule.timezone", &["schedule.interval"])];

    fn schema() -> Schema {
        let mut attributes = vec![
            name(document_name!("schedule")),
            Attribute::object("source", source())
                .required()
                .describe("Tables to copy: either all tables of a sync group (`sync_group`), or a list of tables (`region`, `tables`, and usually `table_root`)."),
            Attribute::plain("exclude", Type::list(Type::String)).describe(
                "Tables to leave out: names such as `catalog.schema.table`, or patterns in which `*` matches any text.",
            ),
            Attribute::object("target", target()).required().describe("Where to keep the snapshots."),
            Attribute::string("mode").default("incremental").one_of(&["incremental", "batch"]).describe(
                "How snapshots are stored. Must be `incremental`, for snapshots that share the files that did not change, or `batch`, for snapshots that are each complete on their own.",
            ),
            Attribute::bool("overwrite")
                .default(false)
                .describe("Whether to keep a single snapshot and to replace it each time. Requires `mode` to be `batch`."),
            schedule("When to take a snapshot. Exactly one of `interval` and `cron` must be set.").required(),
            Attribute::object("retention", retention()).describe(
                "Which snapshots to keep. A snapshot is kept as long as at least one of the rules applies to it, and at least one rule must be set. Without this attribute, all snapshots are kept.",
            ),
            Attribute::bool("paused").default(false).describe("Whether to stop taking snapshots. Existing snapshots are kept."),
        ];
        attributes.extend(document_facts());
        Schema {
            version: 0,
            description: "Manages a snapshot schedule: copies of tables, taken at set times, kept in an external location, and \
                pruned by a retention policy.\n\nTerraform declares the schedule. The executor takes and prunes the \
                snapshots (`lakedr snapshot take` and `lakedr snapshot prune`), and restores tables from them \
                (`lakedr snapshot restore`).\n\n-> **Note:** Durations are \
            written as numbers with units, for example `30s`, `15m`, `1h 30m`, or `7d`.",
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
            .describe("Name of the table, in the form `catalog.schema.table`. A part that contains a dot must be enclosed in backquotes."),
        Attribute::string("url")
            .meaning(Meaning::Place)
            .describe("URL of the table. Required if there is no `table_root`, over which it takes precedence."),
    ];
    vec![
        Attribute::string("sync_group")
            .describe("Name of the sync group whose tables are copied, as of its newest recovery point. Conflicts with all other attributes of `source`."),
        Attribute::string("region").describe("Region in which the tables are. Required with `tables`."),
        Attribute::string("table_root")
            .meaning(Meaning::Place)
            .describe("URL of the root of the tables. A table without a `url` is expected at `table_root/catalog/schema/table`."),
        Attribute::objects("tables", table).describe("Tables to copy. Must contain at least one table. Conflicts with `sync_group`."),
    ]
}

fn target() -> Vec<Attribute> {
    vec![
        Attribute::string("location").required().describe("Name of the external location."),
        Attribute::string("prefix")
            .describe("Folder within the location, for example `snapshots/bronze`. Defaults to the root of the location."),
    ]
}

fn retention() -> Vec<Attribute> {
    let count =
        |name, description| Attribute::number(name).whole(1, u64::from(u32::MAX)).describe(description);
    vec![
        count("keep_last", "Number of most recent snapshots to keep."),
        count(
            "keep_hourly",
            "Number of most recent hours for which to keep the last snapshot. Only hours with a snapshot count.",
        ),
        count(
            "keep_daily",
            "Number of most recent days for which to keep the last snapshot. Only days with a snapshot count.",
        ),
        count(
            "keep_weekly",
            "Number of most recent weeks for which to keep the last snapshot. Only weeks with a snapshot count.",
        ),
        count(
            "keep_monthly",
            "Number of most recent months for which to keep the last snapshot. Only months with a snapshot count.",
        ),
        count(
            "keep_yearly",
            "Number of most recent years for which to keep the last snapshot. Only years with a snapshot count.",
        ),
        Attribute::string("keep_within")
            .meaning(Meaning::Duration)
            .describe("Age up to which to keep every snapshot, for example `30d`."),
    ]
}
