//! The services of a group.

use crate::resource::shared::secret_reference;
use crate::wire::{Attribute, Type};

pub(super) fn services() -> Attribute {
    let sides = vec![
        Attribute::object("primary", side()).describe("Services of the primary side."),
        Attribute::object("secondary", side()).describe("Services of the secondary side."),
    ];
    Attribute::object("services", sides).describe(
        "Services that run in each region beside the tables. `lakedr failover execute` stops those of the region that it \
         leaves, as far as they can be reached, and starts those of the region that takes over as soon as its tables have \
         been checked. `lakedr failback execute` pauses jobs and DAGs before its last sync. The group log records what has \
         been done, and each later sync retries what failed. At any other time, services are left alone.",
    )
}

fn side() -> Vec<Attribute> {
    let ids = |name, description| Attribute::plain(name, Type::list(Type::String)).describe(description);
    vec![
        Attribute::objects("databricks_jobs", job()).describe(
            "Databricks jobs in the workspace of the side, which are paused and unpaused. Only the schedule, the trigger, or the \
             continuous run of a job is changed, and runs in progress are left to finish. A job that was paused before its \
             region was left is not unpaused when the group comes back.",
        ),
        ids("sql_warehouses", "IDs of SQL warehouses in the workspace of the side, which are stopped and started."),
        ids("clusters", "IDs of clusters in the workspace of the side, which are terminated and started."),
        Attribute::objects("instance_pools", pool())
            .describe("Instance pools in the workspace of the side, whose minimum number of idle instances is set to 0 and to `min_idle`."),
        Attribute::objects("airflow_dags", dag()).describe("Airflow DAGs, which are paused and unpaused like Databricks jobs."),
        Attribute::objects("hooks", hook()).describe(
            "Hooks for everything else, for example DNS, which receive the request to `stop` or `start` as JSON. Hooks are called \
             last, and can be called with the same request more than once. Exactly one of `url` and `command` must be set.",
        ),
    ]
}

fn job() -> Vec<Attribute> {
    vec![
        Attribute::string("name")
            .describe("Name of the job, unique within the workspace. Conflicts with `id`."),
        Attribute::number("id")
            .whole(1, i64::MAX.unsigned_abs())
            .describe("ID of the job. Conflicts with `name`."),
    ]
}

fn pool() -> Vec<Attribute> {
    vec![
        Attribute::string("id").required().describe("ID of the instance pool."),
        Attribute::number("min_idle")
            .required()
            .whole(1, u64::from(u32::MAX))
            .describe("Number of instances to keep idle while the region is active. Must be at least `1`."),
    ]
}

fn dag() -> Vec<Attribute> {
    vec![
        Attribute::string("url")
            .required()
            .describe("Base URL of the Airflow web server of the side. Airflow 2 and 3 are supported."),
        Attribute::string("dag_id").required().describe("ID of the DAG."),
        Attribute::string("username").describe(secret_reference!("User name. Requires `password`.")),
        Attribute::string("password").describe(secret_reference!("Password. Requires `username`.")),
    ]
}

fn hook() -> Vec<Attribute> {
    vec![
        Attribute::string("name").required().describe("Name of the hook, unique within its side."),
        Attribute::string("url")
            .describe("URL to which the request is posted, for example `https://dns.example.com/switch`. A response with a status of 200 to 299 means success. Conflicts with `command`."),
        Attribute::string("token").describe(secret_reference!("Bearer token that is sent to `url`. Conflicts with `command`.")),
        Attribute::string("command").describe(
            "Absolute path of an executable on the machine on which the executor runs. It receives the request on its standard \
             input, no arguments, and no environment variables but `PATH` and `HOME`. Exit code 0 means success. Conflicts \
             with `url`.",
        ),
        Attribute::string("timeout").default("30s").describe("Maximum duration of one call. Must be at most `10m`."),
    ]
}
