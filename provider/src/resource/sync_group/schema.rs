//! What a sync group looks like to Terraform.

use super::super::shared::{document_facts, document_name, name, schedule, secret_reference};
use crate::wire::{Attribute, Meaning, Schema, Stability, Type};

mod services;

pub(super) fn schema() -> Schema {
    let mut attributes = identity();
    attributes.extend(content());
    attributes.extend(policy());
    attributes.extend(document_facts());
    attributes.extend(facts());
    Schema {
        version: 0,
        description: "Manages a sync group: tables, and optionally the workflow that writes them, that are replicated as one \
            unit. For all of its tables together, the standby region holds the state at the end of one finished run of the \
            workflow, never a state in between.\n\nThe group log, not Terraform, decides which region is active. A failover \
            does not appear as a difference in a plan, and applying a configuration does not undo it.\n\n-> **Note:** Durations are \
            written as numbers with units, for example `30s`, `15m`, `1h 30m`, or `7d`.",
        attributes,
    }
}

fn identity() -> Vec<Attribute> {
    vec![
        name(document_name!("group")),
        Attribute::string("owner_email").describe("E-mail address of the person or team responsible for the group. It is part of every notification."),
        Attribute::string("initial_active_region").required().describe(
            "Region that is active when the group is created. Must be the region of `primary` or of `secondary`. A later \
             failover does not change it, and is not undone by it.",
        ),
        Attribute::object("primary", side()).required().describe("One side of the group. Sides are fixed: a failover changes which of them is active, and not which is primary."),
        Attribute::object("secondary", side()).required().describe("The other side of the group."),
    ]
}

fn side() -> Vec<Attribute> {
    let workspace = vec![
        Attribute::string("name").describe("Display name of the workspace."),
        Attribute::string("url").required().describe("URL of the workspace, for example `https://adb-1111111111111111.1.azuredatabricks.net`."),
        Attribute::string("token").describe(secret_reference!(
            "Token for the workspace. Conflicts with `client_id` and `client_secret`."
        )),
        Attribute::string("client_id")
            .describe(secret_reference!("Client ID of a service principal, for OAuth machine-to-machine authentication. Requires `client_secret`.")),
        Attribute::string("client_secret").describe(secret_reference!("OAuth secret of the service principal. Requires `client_id`.")),
    ];
    let catalog = vec![
        Attribute::string("url").required().describe("URL of the workspace or of the Unity Catalog server, for example `https://adb-1111111111111111.1.azuredatabricks.net`."),
        Attribute::string("token").describe(secret_reference!("Token for Unity Catalog.")),
    ];
    vec![
        Attribute::string("region").required().describe("Name of the region, for example `eastus2`."),
        Attribute::string("location").required().describe(
            "Name of an external location in the same region. It holds the landing area, the group log, and sync metadata \
             while this side is standby.",
        ),
        Attribute::string("table_root").meaning(Meaning::Place).describe(
            "URL of the root of the tables of this side. A table without a URL of its own is expected at \
             `table_root/catalog/schema/table`.",
        ),
        Attribute::object("workspace", workspace)
            .describe("Databricks workspace of this side. Required on both sides if `workflow` is a Databricks job, or if `publish.engine` is `databricks_sql`."),
        Attribute::object("catalog", catalog)
            .describe(
                "Unity Catalog of this side. It resolves the locations of tables for which there is neither a URL nor a \
                 `table_root`, supplies the commits of catalog-managed tables, and vends credentials for storage that \
                 neither options nor the environment give access to. Required on both sides if `publish.engine` is \
                 `databricks_sql`.",
            ),
    ]
}

fn content() -> Vec<Attribute> {
    let table = vec![
        Attribute::string("name")
            .required()
            .describe("Name of the table, in the form `catalog.schema.table`. A part that contains a dot must be enclosed in backquotes."),
        Attribute::string("primary_url").meaning(Meaning::Place)
            .describe("URL of the table on the primary side. Takes precedence over `primary.table_root`."),
        Attribute::string("secondary_url").meaning(Meaning::Place)
            .describe("URL of the table on the secondary side. Takes precedence over `secondary.table_root`."),
        Attribute::bool("shallow_clone").describe(
            "Whether the table is a shallow clone, whose log refers to files outside of its root. The executor reads these \
             files with the credentials of the group, and copies them into the replica. Without it, such a table is \
             rejected, because whoever writes to the log of a table could otherwise have any file read. Defaults to \
             `false`.",
        ),
        Attribute::plain("allow_writer_features", Type::list(Type::String)).describe(
            "Names of Delta writer features that lakedr does not support and with which the table is copied nevertheless. \
             Such a feature may refer to state that is not copied. A table with an unsupported reader feature is always \
             rejected.",
        ),
    ];
    vec![
        Attribute::objects("tables", table)
            .required()
            .describe("Tables of the group. Must contain at least one table. A table can be in one group only."),
        Attribute::object("workflow", workflow()).describe(
            "Workflow that writes the tables, and at the end of whose successful runs their state is copied. Exactly one of \
             `databricks_job`, `airflow_dag`, and `marker` must be set. Without a workflow, the state of all tables at one \
             instant is copied.",
        ),
        schedule(
            "When the group is due for a sync. Exactly one of `interval` and `cron` must be set. Without a schedule, the group \
             is due whenever the executor runs.",
        ),
    ]
}

fn workflow() -> Vec<Attribute> {
    let job = vec![
        Attribute::string("name")
            .describe("Name of the job, unique within the workspace of each side. Conflicts with `id`."),
        Attribute::number("id").whole(1, i64::MAX.unsigned_abs()).describe(
            "ID of the job in the workspace of the primary side. Conflicts with `name`.",
        ),
        Attribute::number("secondary_id").whole(1, i64::MAX.unsigned_abs()).describe(
            "ID of the job in the workspace of the secondary side, where it runs while that region is active. Requires `id`. \
             Defaults to the value of `id`.",
        ),
    ];
    let dag = vec![
        Attribute::string("url")
            .required()
            .describe("Base URL of the Airflow web server. Airflow 2 and 3 are supported."),
        Attribute::string("secondary_url").describe(
            "Base URL of the Airflow web server that runs the DAG while the secondary region is active. Defaults to the value \
             of `url`, which must then survive the loss of either region.",
        ),
        Attribute::string("dag_id").required().describe("ID of the DAG."),
        Attribute::string("username").describe(secret_reference!("User name. Requires `password`.")),
        Attribute::string("password").describe(secret_reference!("Password. Requires `username`.")),
    ];
    let marker = vec![
        Attribute::string("url")
            .meaning(Meaning::Place)
            .required()
            .describe("URL of the folder of the run records, for example `s3://bucket/runs/`."),
        Attribute::string("secondary_url").meaning(Meaning::Place).describe(
            "URL of the folder of the run records while the secondary region is active. Defaults to the value of `url`, which \
             must then survive the loss of either region.",
        ),
    ];
    vec![
        Attribute::object("databricks_job", job)
            .describe("Databricks job in the workspace of the active region. Exactly one of `name` and `id` must be set."),
        Attribute::object("airflow_dag", dag).describe("Airflow DAG."),
        Attribute::object("marker", marker).describe("Run records that the workflow writes by calling `lakedr mark`."),
    ]
}

fn policy() -> Vec<Attribute> {
    vec![
        Attribute::object("retry", retry())
            .default_nested()
            .describe("How often, and after which waits, a failed sync is retried within one run of the executor."),
        Attribute::string("delivery").default("direct").one_of(&["direct", "staged"]).describe(
            "How copies reach the standby region. Must be `direct`, if one process can read from the active region and write \
             to the standby region, or `staged`, if a sender in the active region lands the copies and a receiver in \
             the standby region publishes them.",
        ),
        Attribute::object("publish", publish()).default_nested().describe("How the tables of the standby region are written."),
        Attribute::string("compaction").default("copy").one_of(&["copy", "skip"]).describe(
            "What to do with files that only rewrite existing rows, as `OPTIMIZE` does. Must be `copy`, to copy them like all other files, or `skip`, to leave them in the active region. `skip` requires `delivery` to be `direct`.",
        ),
        Attribute::string("clock_skew").meaning(Meaning::Duration).default("2s").describe(
            "Tolerance for differing clocks when commit times are compared with run times, for example `5s`.",
        ),
        Attribute::string("rpo_target").meaning(Meaning::Duration)
            .describe("Recovery point objective: the lag that is still acceptable, for example `1h`. Used in reports and notifications only."),
        Attribute::string("rto_target").meaning(Meaning::Duration)
            .describe("Recovery time objective: the duration of a failover that is still acceptable, for example `4h`. Used in reports only."),
        Attribute::string("drill_every").meaning(Meaning::Duration).describe(
            "Time after which a failover has to be rehearsed again with `lakedr drill`, for example `90d`. When the last \
             drill that passed is older, `lakedr status` reports it, and the recipients of `notifications.on_failure` are \
             notified.",
        ),
        Attribute::number("max_bytes_per_second")
            .default(0u64)
            .whole(0, u64::MAX)
            .describe("Maximum transfer rate in bytes per second. `0` means no limit."),
        Attribute::number("egress_price_per_gib")
            .describe("Price of egress per GiB, in a currency of your choice, from which `lakedr plan` and reports estimate costs."),
        services::services(),
        Attribute::object("notifications", notifications()).describe("Who is notified, and of what."),
        Attribute::bool("paused").default(false).describe("Whether to stop syncing the group. Existing recovery points are kept."),
    ]
}

fn retry() -> Vec<Attribute> {
    vec![
        Attribute::number("max_attempts")
            .default(3u64)
            .whole(1, u64::from(u32::MAX))
            .describe("Maximum number of attempts, including the first one. Must be at least `1`."),
        Attribute::string("initial_backoff")
            .meaning(Meaning::Duration)
            .default("10s")
            .describe("Wait after the first failed attempt, for example `10s`. It doubles with each further attempt, up to `max_backoff`."),
        Attribute::string("max_backoff").meaning(Meaning::Duration).default("5m").describe("Longest wait between two attempts, for example `5m`."),
    ]
}

fn publish() -> Vec<Attribute> {
    vec![
        Attribute::string("engine").default("native").one_of(&["native", "databricks_sql"]).describe(
            "What commits to the tables of the standby region. Must be `native`, for lakedr itself, or `databricks_sql`, for a \
             SQL warehouse that clones the tables from the landing area, which managed tables need. `databricks_sql` \
             requires `delivery` to be `staged`, and `workspace` and `catalog` on both sides.",
        ),
        Attribute::string("warehouse_id").describe(
            "ID of a SQL warehouse in the workspace of the secondary side. Required if `engine` is `databricks_sql`, and \
             conflicts with `native`.",
        ),
        Attribute::string("primary_warehouse_id").describe(
            "ID of a SQL warehouse in the workspace of the primary side, which publishes while the secondary region is active. \
             Without it, nothing is copied back after a failover. Conflicts with `engine` being `native`.",
        ),
    ]
}

fn notifications() -> Vec<Attribute> {
    let urls = |name, description| Attribute::plain(name, Type::list(Type::String)).describe(description);
    vec![
        urls(
            "on_failure",
            "Recipients of notifications about failures and recoveries from them, a missed `rpo_target`, source tables whose \
             old files are removed too early for the schedule, failovers, failbacks, drills, and services that do not \
             respond. Each must be `mailto:user@example.com`, a webhook `https://…`, `pagerduty://env://ROUTING_KEY`, or a \
             secret reference to the URL of a webhook. Slack webhooks, and servers that accept the same messages \
             (`slack+https://…`), are recognized.",
        ),
        urls(
            "on_success",
            "Recipients of notifications about new recovery points. Takes the same values as `on_failure`.",
        ),
        urls(
            "events",
            "Kinds of events to notify of. Each must be one of `success`, `failure`, `recovered`, `stale`, `retention`, \
             `failover`, `services`, or `drill`. Defaults to all of them.",
        ),
    ]
}

/// What the group log decides. Never a difference in a plan.
fn facts() -> Vec<Attribute> {
    vec![
        Attribute::string("effective_active_region").computed(Stability::Stable).describe(
            "Region that is currently active according to the group log, or according to the last successful read while the \
             log is out of reach. A failover changes it without a difference in a plan.",
        ),
        Attribute::number("epoch")
            .computed(Stability::Stable)
            .describe("Number that each failover and each failback raises. It changes without a difference in a plan."),
    ]
}
