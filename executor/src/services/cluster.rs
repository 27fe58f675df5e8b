//! Clusters: `GET /api/2.1/clusters/get`, `POST …/start` and `…/delete`, which terminates.

use async_trait::async_trait;
use lakedr_control::group_log::Power;
use lakedr_control::service::{Call, Service, ServiceError};
use serde::Deserialize;
use serde_json::json;

use super::fault::ServiceFault;
use super::switch::{Seen, State, Switch};

/// A cluster of a workspace.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) service: Service,
    pub(super) id: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    state: String,
}

#[async_trait]
impl Switch for Cluster {
    async fn look(&self) -> Result<Option<Seen>, ServiceFault> {
        let call = Call::get("/api/2.1/clusters/get").with_query(&[("cluster_id", &self.id)]);
        let answer: Answer = self.service.ask(&call).await?;
        Ok(Some(Seen::new(state(&answer.state), answer.state)))
    }

    async fn ask(&self, wanted: Power) -> Result<(), ServiceFault> {
        let path = match wanted {
            Power::On => "/api/2.1/clusters/start",
            Power::Off => "/api/2.1/clusters/delete",
        };
        let url = || format!("{}{path}", self.service.base());
        let call = Call::post(path).with_json(&json!({"cluster_id": self.id}));
        let call = call.map_err(|cause| ServiceError::Malformed { url: url(), cause })?;
        Ok(self.service.tell(&call).await?)
    }
}

fn state(word: &str) -> State {
    match word {
        "RUNNING" | "RESIZING" => State::Is(Power::On),
        "TERMINATED" => State::Is(Power::Off),
        "PENDING" | "RESTARTING" => State::Towards(Power::On),
        "TERMINATING" => State::Towards(Power::Off),
        _ => State::Other,
    }
}
