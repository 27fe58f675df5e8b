//! Instance pools: `GET /api/2.0/instance-pools/get`, and `POST …/edit`, which takes the complete object.

use async_trait::async_trait;
use lakedr_control::group_log::Power;
use lakedr_control::service::{Call, Service, ServiceError};
use serde_json::{Map, Value, json};

use super::fault::ServiceFault;
use super::switch::{Seen, State, Switch};

/// What `edit` takes beside the number of idle instances: what it is not given it forgets. The first three it needs.
const EDITABLE: [&str; 8] = [
    "instance_pool_id",
    "instance_pool_name",
    "node_type_id",
    "max_capacity",
    "idle_instance_autotermination_minutes",
    "custom_tags",
    "remote_disk_throughput",
    "total_initial_remote_disk_size",
];

/// An instance pool of a workspace.
#[derive(Debug)]
pub(super) struct InstancePool {
    pub(super) service: Service,
    pub(super) id: String,
    pub(super) min_idle: u32,
}

impl InstancePool {
    async fn get(&self) -> Result<Map<String, Value>, ServiceFault> {
        let call = Call::get("/api/2.0/instance-pools/get").with_query(&[("instance_pool_id", &self.id)]);
        Ok(self.service.ask(&call).await?)
    }
}

#[async_trait]
impl Switch for InstancePool {
    async fn look(&self) -> Result<Option<Seen>, ServiceFault> {
        Ok(Some(seen(&self.get().await?, self.min_idle)))
    }

    async fn ask(&self, wanted: Power) -> Result<(), ServiceFault> {
        let min_idle = match wanted {
            Power::On => self.min_idle,
            Power::Off => 0,
        };
        let pool = edited(&self.get().await?, min_idle).map_err(|field| ServiceFault::Incomplete {
            what: format!("instance pool {}", self.id),
            field,
        })?;
        let call = Call::post("/api/2.0/instance-pools/edit").with_json(&pool);
        let url = || self.service.base().to_owned();
        Ok(self.service.tell(&call.map_err(|cause| ServiceError::Malformed { url: url(), cause })?).await?)
    }
}

fn seen(pool: &Map<String, Value>, on: u32) -> Seen {
    let min_idle = pool.get("min_idle_instances").and_then(Value::as_u64).unwrap_or_default();
    let state = match min_idle {
        0 => State::Is(Power::Off),
        min_idle if min_idle == u64::from(on) => State::Is(Power::On),
        _ => State::Other,
    };
    Seen::new(state, format!("{min_idle} idle instance(s)"))
}

/// A pool with another number of idle instances; the field that it lacks, if it lacks one.
fn edited(pool: &Map<String, Value>, min_idle: u32) -> Result<Map<String, Value>, &'static str> {
    let mut edited = Map::new();
    for (index, field) in EDITABLE.into_iter().enumerate() {
        match pool.get(field) {
            Some(value) => drop(edited.insert(field.to_owned(), value.clone())),
            None if index < 3 => return Err(field),
            None => {}
        }
    }
    edited.insert("min_idle_instances".to_owned(), json!(min_idle));
    Ok(edited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_keeps_all_that_can_be_edited() {
        let pool = json!({
            "instance_pool_id": "p", "instance_pool_name": "etl", "node_type_id": "n", "max_capacity": 9,
            "min_idle_instances": 2, "idle_instance_autotermination_minutes": 15, "custom_tags": {"a": "b"},
            "state": "ACTIVE", "stats": {"used_count": 1},
        });
        let pool = pool.as_object().unwrap();
        assert_eq!(seen(pool, 2).state, State::Is(Power::On));
        assert_eq!(seen(pool, 3).state, State::Other);
        let off = edited(pool, 0).unwrap();
        assert_eq!(seen(&off, 2).state, State::Is(Power::Off));
        assert_eq!(
            Value::Object(off),
            json!({
                "instance_pool_id": "p", "instance_pool_name": "etl", "node_type_id": "n", "max_capacity": 9,
                "min_idle_instances": 0, "idle_instance_autotermination_minutes": 15, "custom_tags": {"a": "b"},
            })
        );
        let nameless = json!({"instance_pool_id": "p"});
        assert_eq!(edited(nameless.as_object().unwrap(), 0), Err("instance_pool_name"));
    }
}
