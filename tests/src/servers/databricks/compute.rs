//! Jobs with a schedule, SQL warehouses, clusters and instance pools: what is stopped and started. What was asked to start
//! or stop is seen on its way once, and there from the second look on.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::stand_in::{Answer, Request};
use super::calls::refused;
use super::{Databricks, Workspace};

/// What can be stopped and started.
#[derive(Debug, Default)]
pub(super) struct Compute {
    /// What jobs have beside their names, by their ids.
    pub(super) settings: BTreeMap<i64, Map<String, Value>>,
    warehouses: BTreeMap<String, String>,
    clusters: BTreeMap<String, String>,
    pools: BTreeMap<String, Map<String, Value>>,
    lost: bool,
}

impl Databricks {
    /// Gives a job settings: `{"schedule": {…}}`.
    pub fn set_up(&self, job: i64, settings: &Value) {
        let settings = settings.as_object().cloned().unwrap_or_default();
        self.lock().compute.settings.entry(job).or_default().extend(settings);
    }

    /// The settings of a job beside its name.
    #[must_use]
    pub fn settings(&self, job: i64) -> Value {
        Value::Object(self.lock().compute.settings.get(&job).cloned().unwrap_or_default())
    }

    /// Makes a SQL warehouse in a state: `RUNNING`, `STOPPED`.
    pub fn warehouse(&self, id: &str, state: &str) {
        self.lock().compute.warehouses.insert(id.to_owned(), state.to_owned());
    }

    /// Makes a cluster in a state: `RUNNING`, `TERMINATED`.
    pub fn cluster(&self, id: &str, state: &str) {
        self.lock().compute.clusters.insert(id.to_owned(), state.to_owned());
    }

    /// Makes an instance pool.
    pub fn pool(&self, id: &str, min_idle: u32) {
        let pool = json!({
            "instance_pool_id": id, "instance_pool_name": format!("pool {id}"), "node_type_id": "i3.xlarge",
            "min_idle_instances": min_idle, "max_capacity": 10, "idle_instance_autotermination_minutes": 15,
            "custom_tags": {"owner": "etl"}, "state": "ACTIVE",
        });
        self.lock().compute.pools.insert(id.to_owned(), pool.as_object().cloned().unwrap_or_default());
    }

    /// States of warehouses and clusters, and idle instances of pools, by their ids.
    #[must_use]
    pub fn compute(&self) -> BTreeMap<String, Value> {
        let workspace = self.lock();
        let Compute { warehouses, clusters, pools, .. } = &workspace.compute;
        let states = warehouses.iter().chain(clusters).map(|(id, state)| (id.clone(), json!(state)));
        let idle = pools.iter().map(|(id, pool)| (id.clone(), pool["min_idle_instances"].clone()));
        states.chain(idle).collect()
    }

    /// What a pool is, whole.
    #[must_use]
    pub fn whole_pool(&self, id: &str) -> Value {
        Value::Object(self.lock().compute.pools.get(id).cloned().unwrap_or_default())
    }

    /// From now on, or no longer, every call of the API is answered with 503.
    pub fn lose(&self, lost: bool) {
        self.lock().compute.lost = lost;
    }
}

impl Workspace {
    pub(super) fn is_lost(&self) -> bool {
        self.compute.lost
    }

    /// The answer to a call about what can be stopped and started; none to any other call.
    pub(super) fn turn(&mut self, request: &Request) -> Option<Answer> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let asked = |name: &str| request.get(name).unwrap_or_default().to_owned();
        Some(match (request.method.as_str(), path.as_slice()) {
            ("POST", ["api", "2.2", "jobs", "update"]) => self.update(&body),
            ("GET", ["api", "2.0", "sql", "warehouses", id]) => {
                let state = look(self.compute.warehouses.get_mut(*id), "warehouse");
                state.map_or_else(
                    |gone| gone,
                    |state| Answer::new(200, json!({"id": id, "name": id, "state": state})),
                )
            }
            ("POST", ["api", "2.0", "sql", "warehouses", id, verb @ ("start" | "stop")]) => {
                let towards = if *verb == "start" { "STARTING" } else { "STOPPING" };
                ask(self.compute.warehouses.get_mut(*id), towards)
            }
            ("GET", ["api", "2.1", "clusters", "get"]) => {
                let id = asked("cluster_id");
                let state = look(self.compute.clusters.get_mut(&id), "cluster");
                state.map_or_else(
                    |gone| gone,
                    |state| Answer::new(200, json!({"cluster_id": id, "state": state})),
                )
            }
            ("POST", ["api", "2.1", "clusters", "start"]) => self.start_cluster(&text("cluster_id")),
            ("POST", ["api", "2.1", "clusters", "delete"]) => {
                ask(self.compute.clusters.get_mut(&text("cluster_id")), "TERMINATING")
            }
            ("GET", ["api", "2.0", "instance-pools", "get"]) => {
                match self.compute.pools.get(&asked("instance_pool_id")) {
                    Some(pool) => Answer::new(200, Value::Object(pool.clone())),
                    None => refused(404, "RESOURCE_DOES_NOT_EXIST", "no such pool"),
                }
            }
            ("POST", ["api", "2.0", "instance-pools", "edit"]) => self.edit_pool(&body),
            _ => return None,
        })
    }

    /// Top-level fields are replaced whole.
    fn update(&mut self, body: &Value) -> Answer {
        let id = body["job_id"].as_i64().unwrap_or_default();
        if !self.jobs.iter().any(|(known, _)| *known == id) {
            return refused(400, "INVALID_PARAMETER_VALUE", "Job does not exist.");
        }
        let new = body["new_settings"].as_object().cloned().unwrap_or_default();
        for (field, value) in &new {
            let lacks = |needed: &str| value.get(needed).is_none();
            if field == "schedule" && (lacks("quartz_cron_expression") || lacks("timezone_id")) {
                return refused(400, "INVALID_PARAMETER_VALUE", "Missing required field in schedule");
            }
        }
        self.compute.settings.entry(id).or_default().extend(new);
        Answer::new(200, json!({}))
    }

    fn start_cluster(&mut self, id: &str) -> Answer {
        match self.compute.clusters.get(id).map(String::as_str) {
            Some(state) if state != "TERMINATED" => {
                refused(400, "INVALID_STATE", &format!("Cluster {id} is in unexpected state {state}."))
            }
            _ => ask(self.compute.clusters.get_mut(id), "PENDING"),
        }
    }

    /// What an edit does not give is forgotten, and what it must give is asked for.
    fn edit_pool(&mut self, body: &Value) -> Answer {
        let id = body["instance_pool_id"].as_str().unwrap_or_default();
        let Some(pool) = self.compute.pools.get_mut(id) else {
            return refused(404, "RESOURCE_DOES_NOT_EXIST", "no such pool");
        };
        if body["instance_pool_name"].is_null() || body["node_type_id"].is_null() {
            return refused(400, "INVALID_PARAMETER_VALUE", "Missing required field");
        }
        *pool = body.as_object().cloned().unwrap_or_default();
        pool.insert("state".to_owned(), json!("ACTIVE"));
        Answer::new(200, json!({}))
    }
}

/// What is seen, and what will be seen next time.
fn look(state: Option<&mut String>, what: &str) -> Result<String, Answer> {
    let Some(state) = state else {
        return Err(refused(404, "RESOURCE_DOES_NOT_EXIST", &format!("no such {what}")));
    };
    let next = match state.as_str() {
        "STARTING" | "PENDING" => "RUNNING",
        "STOPPING" => "STOPPED",
        "TERMINATING" => "TERMINATED",
        other => other,
    };
    let next = next.to_owned();
    Ok(std::mem::replace(state, next))
}

fn ask(state: Option<&mut String>, towards: &str) -> Answer {
    match state {
        Some(state) => {
            towards.clone_into(state);
            Answer::new(200, json!({}))
        }
        None => refused(404, "RESOURCE_DOES_NOT_EXIST", "no such warehouse or cluster"),
    }
}
