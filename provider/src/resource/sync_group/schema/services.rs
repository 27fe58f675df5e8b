//! The services of a group.

use crate::resource::shared::secret_reference;
use crate::wire::{Attribute, Type};

pub(super) fn services() -> Attribute {
    let sides = vec![
        Attribute::object("primary", side()).describe("Services of the primary side."),
        Attribute::object("secondary", side()).describe("Services of the secondary side."),
    ];
    Attribute::object("services", sides).describe(
        "What runs in each region beside the tables. `lakedr failover execute` stops the services of the region that it \
         leaves, as far as they can be reached, and starts those of the one that takes over once its tables have been \
         looked at; `lakedr failback execute` pauses jobs and DAGs before its last sync. What was done is kept in the \
         group log, and every later sync tries again what did not work. Nothing is done to them at any other time.",
    )
}

fn side() -> Vec<Attribute> {
    let ids = |name, description| Attribute::plain(name, Type::list(Type::String)).describe(description);
    vec![
        Attribute::objects("databricks_jobs", job()).describe(
            "Jobs of the side's workspace: schedule, trigger or continuous run is paused and unpaused, all else of it kept \
             as it is. Runs under way are left to finish. A job that was paused before its region was left is not \
             unpaused when the group comes back.",
        ),
        ids("sql_warehouses", "Ids of SQL warehouses of the side's workspace: stopped and started."),
        ids("clusters", "Ids of clusters of the side's workspace: terminated and started."),
        Attribute::objects("instance_pools", pool())
            .describe("Instance pools of the side's workspace: idle instances are set to 0 and to the declared number."),
        Attribute::objects("airflow_dags", dag()).describe("Airflow DAGs: paused and unpaused, as jobs are."),
        Attribute::objects("hooks", hook()).describe(
            "Everything else, DNS for example: told to `stop` or to `start` by a JSON request. A hook comes last on either \
             way, and may be told the same thing more than once.",
        ),
    ]
}

fn job() -> Vec<Attribute> {
    vec![
        Attribute::string("name").describe("Name of the job, unique in the workspace. Either this or `id`."),
        Attribute::number("id")
            .whole(1, i64::MAX.unsigned_abs())
            .describe("Id of the job. Either this or `name`."),
    ]
}

fn pool() -> Vec<Attribute> {
    vec![
        Attribute::string("id").required().describe("Id of the pool."),
        Attribute::number("min_idle")
            .required()
            .whole(1, u64::from(u32::MAX))
            .describe("Instances that it keeps idle while its region is active."),
    ]
}

fn dag() -> Vec<Attribute> {
    vec![
        Attribute::string("url")
            .required()
            .describe("Base URL of the Airflow web server of this side, of Airflow 2 or 3."),
        Attribute::string("dag_id").required().describe("Id of the DAG."),
        Attribute::string("username").describe(secret_reference!("User name; with `password`, or neither.")),
        Attribute::string("password").describe(secret_reference!("Password.")),
    ]
}

fn hook() -> Vec<Attribute> {
    vec![
        Attribute::string("name").required().describe("Name of the hook, unique on its side."),
        Attribute::string("url")
            .describe("`https://…`: the request is posted there; any answer of 200 to 299 is success. Either this or `command`."),
        Attribute::string("token").describe(secret_reference!("Token that is sent to `url`.")),
        Attribute::string("command").describe(
            "Absolute path of an executable, wherever lakedr runs: it is run with the request on its standard input, and \
             without arguments; of the environment it gets `PATH` and `HOME`. Exit code 0 is success.",
        ),
        Attribute::string("timeout").default("30s").describe("How long one call may take, at most `10m`."),
    ]
}
