//! SQL warehouses: `GET /api/2.0/sql/warehouses/{id}`, `POST …/start` and `…/stop`.

use async_trait::async_trait;
use lakedr_control::group_log::Power;
use lakedr_control::service::{Call, Service};
use serde::Deserialize;

use super::fault::ServiceFault;
use super::switch::{Seen, State, Switch};

/// A SQL warehouse of a workspace.
#[derive(Debug)]
pub(super) struct Warehouse {
    pub(super) service: Service,
    pub(super) id: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    state: String,
}

#[async_trait]
impl Switch for Warehouse {
    async fn look(&self) -> Result<Option<Seen>, ServiceFault> {
        let call = Call::get_at(&["api", "2.0", "sql", "warehouses", &self.id]);
        let answer: Answer = self.service.ask(&call).await?;
        Ok(Some(Seen::new(state(&answer.state), answer.state)))
    }

    async fn ask(&self, wanted: Power) -> Result<(), ServiceFault> {
        let verb = match wanted {
            Power::On => "start",
            Power::Off => "stop",
        };
        let call = Call::post_at(&["api", "2.0", "sql", "warehouses", &self.id, verb]);
        Ok(self.service.tell(&call).await?)
    }
}

fn state(word: &str) -> State {
    match word {
        "RUNNING" => State::Is(Power::On),
        "STOPPED" => State::Is(Power::Off),
        "STARTING" => State::Towards(Power::On),
        "STOPPING" => State::Towards(Power::Off),
        _ => State::Other,
    }
}
