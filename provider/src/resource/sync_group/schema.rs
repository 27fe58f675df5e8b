//! What a sync group looks like to Terraform.

use super::super::shared::{document_facts, name, schedule, secret_reference};
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
        description: "Tables, and optionally the workflow that writes them, whose state is one atomic unit: the \
            standby region always holds the state at the end of one finished run, for all tables together.\n\n\
            Which region is active is decided by the group log, not by Terraform: a failover never appears as a \
            difference, and an apply never undoes one.",
        attributes,
    }
}

fn identity() -> Vec<Attribute> {
    vec![
        name("Name of the group, unique in the control store: 1 to 63 lower-case letters, digits, `_` and `-`, \
              beginning with a letter or digit. Another name is another group."),
        Attribute::string("owner_email").describe("Who answers for the group."),
        Attribute::string("initial_active_region").required().describe(
            "Region that is active when the group is created: that of `primary` or of `secondary`. Input only: a later \
             failover is never undone by it.",
        ),
        Attribute::object("primary", side()).required().describe("The one fixed side of the group."),
        Attribute::object("secondary", side()).required().describe("The other fixed side of the group."),
    ]
}

fn side() -> Vec<Attribute> {
    let workspace = vec![
        Attribute::string("name").describe("Name of the workspace, for people."),
        Attribute::string("url").required().describe("URL of the workspace, `https://…`."),
        Attribute::string("token").describe(secret_reference!(
            "Token for the workspace. Either this or `client_id` and `client_secret`."
        )),
        Attribute::string("client_id")
            .describe(secret_reference!("Client id of a service principal, for OAuth (M2M).")),
        Attribute::string("client_secret").describe(secret_reference!("Secret of that client.")),
    ];
    let catalog = vec![
        Attribute::string("url").required().describe("URL of the catalog server, `https://…`."),
        Attribute::string("token").describe(secret_reference!("Token for the catalog.")),
    ];
    vec![
        Attribute::string("region").required().describe("Region of this side, for example `eastus2`."),
        Attribute::string("location").required().describe(
            "Name of the external location of this side, in the same region: landing area, group log and metadata \
             while this side is standby.",
        ),
        Attribute::string("table_root").meaning(Meaning::Place).describe(
            "Root of the tables of this side: a table without an explicit URL lies at \
             `table_root/catalog/schema/table`.",
        ),
        Attribute::object("workspace", workspace)
            .describe("Databricks workspace of this side. Needed on both sides for a Databricks job."),
        Attribute::object("catalog", catalog)
            .describe(
                "Unity Catalog of the tables of this side: it says where a table lies that has neither URL nor `table_root`, \
                 supplies the commits of tables that it manages, which storage alone does not show, and lends credentials \
                 for stores that options and environment have none for.",
            ),
    ]
}

fn content() -> Vec<Attribute> {
    let table = vec![
        Attribute::string("name")
            .required()
            .describe("`catalog.schema.table`; a part that holds a dot in back-quotes."),
        Attribute::string("primary_url").meaning(Meaning::Place)
            .describe("URL of the table in the primary region. Wins over `table_root`."),
        Attribute::string("secondary_url").meaning(Meaning::Place)
            .describe("URL of the table in the secondary region. Wins over `table_root`."),
        Attribute::bool("shallow_clone").describe(
            "The table is a shallow clone: its log names files outside of its root, and lakedr reads them with the \
             credentials of this group and copies them into the replica. Without it, which is the default, such a \
             table is refused, because whoever writes a log could otherwise have any file read.",
        ),
        Attribute::plain("allow_writer_features", Type::list(Type::String)).describe(
            "Writer features that lakedr does not know and that the table is copied with all the same, by name. Such \
             a feature may refer to state that is not copied. Reader features that lakedr does not know are always \
             refused.",
        ),
    ];
    vec![
        Attribute::objects("tables", table)
            .required()
            .describe("The tables, at least one. A table belongs to one group only."),
        Attribute::object("workflow", workflow()).describe(
            "The workflow whose finished runs are the cuts: exactly one of `databricks_job`, `airflow_dag` and \
             `marker`. Without a workflow all tables are pinned at one instant.",
        ),
        schedule(
            "When the group is due: exactly one of `interval` and `cron`. Without a schedule it is due whenever the \
             executor is called.",
        ),
    ]
}

fn workflow() -> Vec<Attribute> {
    let job = vec![
        Attribute::string("name").describe("Name of the job, unique in the workspace. Either this or `id`."),
        Attribute::number("id")
            .whole(1, i64::MAX.unsigned_abs())
            .describe("Id of the job. Either this or `name`."),
    ];
    let dag = vec![
        Attribute::string("url")
            .required()
            .describe("Base URL of the Airflow web server, of Airflow 2 or 3."),
        Attribute::string("secondary_url").describe(
            "Base URL of the Airflow that runs the DAG while the secondary region is active. Without it `url` counts, and \
             has to outlive the loss of either region.",
        ),
        Attribute::string("dag_id").required().describe("Id of the DAG."),
        Attribute::string("username").describe(secret_reference!("User name; with `password`, or neither.")),
        Attribute::string("password").describe(secret_reference!("Password.")),
    ];
    let marker = vec![
        Attribute::string("url")
            .meaning(Meaning::Place)
            .required()
            .describe("Where the run records lie, for example `s3://bucket/runs/`."),
        Attribute::string("secondary_url").meaning(Meaning::Place).describe(
            "Where they lie while the secondary region is active. Without it they lie in `url`, which then has to outlive \
             the loss of either region.",
        ),
    ];
    vec![
        Attribute::object("databricks_job", job)
            .describe("A Databricks job in the active region's workspace."),
        Attribute::object("airflow_dag", dag).describe("An Airflow DAG."),
        Attribute::object("marker", marker).describe("Run records written by `lakedr mark`."),
    ]
}

fn policy() -> Vec<Attribute> {
    vec![
        Attribute::object("retry", retry())
            .default_nested()
            .describe("How a failed sync is tried again within one call of the executor."),
        Attribute::string("delivery").default("direct").one_of(&["direct", "staged"]).describe(
            "`direct`: one process reads the active and writes the standby side. `staged`: a sender in the active \
             region lands the cut, a receiver in the standby region publishes it.",
        ),
        Attribute::object("publish", publish()).default_nested().describe("Who commits to the final tables."),
        Attribute::string("compaction").default("copy").one_of(&["copy", "skip"]).describe(
            "`copy`: files that only rewrite rows already there are copied like all others. `skip`: they stay at home.",
        ),
        Attribute::string("clock_skew").meaning(Meaning::Duration).default("2s").describe(
            "Allowance for clocks that disagree, where commit times are compared with run times, for example `2s`.",
        ),
        Attribute::string("rpo_target").meaning(Meaning::Duration)
            .describe("RPO lag that is still acceptable, for example `1h`. Reported against, nothing else."),
        Attribute::string("rto_target").meaning(Meaning::Duration)
            .describe("Time to recover that is still acceptable, for example `4h`. Reported against, nothing else."),
        Attribute::string("drill_every").meaning(Meaning::Duration).describe(
            "Time after which a failover has to be rehearsed again with `lakedr drill`, for example `90d`. When the newest \
             drill that passed is older, `lakedr status` says so, and those who are told of failures are told.",
        ),
        Attribute::number("max_bytes_per_second")
            .default(0u64)
            .whole(0, u64::MAX)
            .describe("Cap on transfer, in bytes per second; 0 is no cap."),
        Attribute::number("egress_price_per_gib")
            .describe("Price of egress in any currency per GiB, for the cost in plans and reports."),
        services::services(),
        Attribute::object("notifications", notifications()).describe("Who is told."),
        Attribute::bool("paused").default(false).describe("Do not sync. Recovery points stay as they are."),
    ]
}

fn retry() -> Vec<Attribute> {
    vec![
        Attribute::number("max_attempts")
            .default(3u64)
            .whole(1, u64::from(u32::MAX))
            .describe("Attempts in all, the first one included."),
        Attribute::string("initial_backoff")
            .meaning(Meaning::Duration)
            .default("10s")
            .describe("Wait after the first failure; it doubles from then on."),
        Attribute::string("max_backoff").meaning(Meaning::Duration).default("5m").describe("Longest wait."),
    ]
}

fn publish() -> Vec<Attribute> {
    vec![
        Attribute::string("engine").default("native").one_of(&["native", "databricks_sql"]).describe(
            "`native`: lakedr commits to the Delta log itself. `databricks_sql`: a SQL warehouse clones from the \
             landing area, for managed tables.",
        ),
        Attribute::string("warehouse_id").describe(
            "SQL warehouse of engine `databricks_sql`, in the workspace of the secondary side.",
        ),
        Attribute::string("primary_warehouse_id").describe(
            "The one in the workspace of the primary side. It publishes while the secondary region is active: without \
             it, nothing is copied back after a failover.",
        ),
    ]
}

fn notifications() -> Vec<Attribute> {
    let urls = |name, description| Attribute::plain(name, Type::list(Type::String)).describe(description);
    vec![
        urls(
            "on_failure",
            "Told of failures and their end, of a missed `rpo_target`, of source tables that remove old files \
             too early for the schedule, of failovers and failbacks, and of services that do not do as they are told: `mailto:user@example.com`; a webhook `https://…`; \
             `pagerduty://env://ROUTING_KEY`; or a secret reference to a webhook, to one of Slack, or to a server that \
             takes what Slack takes (`slack+https://…`).",
        ),
        urls("on_success", "Told of recovery points: the same kinds of places."),
        urls(
            "events",
            "What is told of, of `success`, `failure`, `recovered`, `stale`, `retention`, `failover`, `services` and `drill`; everything, \
             without it.",
        ),
    ]
}

/// What the group log decides. Never a difference in a plan.
fn facts() -> Vec<Attribute> {
    vec![
        Attribute::string("effective_active_region").computed(Stability::Stable).describe(
            "Region that is active now, as the group log says; as last known while the log is out of reach. Its \
             change never is a difference in a plan.",
        ),
        Attribute::number("epoch")
            .computed(Stability::Stable)
            .describe("Raised by each failover and failback. Its change never is a difference in a plan."),
    ]
}
