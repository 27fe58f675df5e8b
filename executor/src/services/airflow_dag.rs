//! Airflow 2 (`/api/v1`) and 3 (`/api/v2`): `GET dags/{dag_id}`, `PATCH dags/{dag_id}?update_mask=is_paused`.

use async_trait::async_trait;
use lakedr_control::group_log::Power;
use lakedr_control::service::{Call, ServiceError};
use serde::Deserialize;
use serde_json::json;

use super::fault::ServiceFault;
use super::switch::{Seen, Switch};
use crate::observe::workflow::WebServer;

/// Runs that are told by their ids.
const RUNS: &str = "20";

/// A DAG of a web server.
#[derive(Debug)]
pub(super) struct AirflowDag {
    pub(super) server: WebServer,
    pub(super) dag_id: String,
}

#[derive(Deserialize)]
struct Dag {
    is_paused: bool,
}

#[derive(Deserialize)]
struct Runs {
    #[serde(default)]
    dag_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    dag_run_id: String,
}

#[async_trait]
impl Switch for AirflowDag {
    async fn look(&self) -> Result<Option<Seen>, ServiceFault> {
        let api = self.server.api().await?;
        let dag: Dag = api.service.ask(&Call::get_at(&["api", api.version, "dags", &self.dag_id])).await?;
        Ok(Some(Seen::of(if dag.is_paused { Power::Off } else { Power::On })))
    }

    async fn ask(&self, wanted: Power) -> Result<(), ServiceFault> {
        let api = self.server.api().await?;
        let call = Call::patch_at(&["api", api.version, "dags", &self.dag_id]);
        let call = call.with_query(&[("update_mask", "is_paused")]);
        let call = call.with_json(&json!({"is_paused": wanted == Power::Off}));
        let url = || api.service.base().to_owned();
        Ok(api.service.tell(&call.map_err(|cause| ServiceError::Malformed { url: url(), cause })?).await?)
    }

    async fn runs_under_way(&self) -> Result<Vec<String>, ServiceFault> {
        let api = self.server.api().await?;
        let call = Call::get_at(&["api", api.version, "dags", &self.dag_id, "dagRuns"]);
        let call = call.with_query(&[("state", "queued"), ("state", "running"), ("limit", RUNS)]);
        let runs: Runs = api.service.ask(&call).await?;
        Ok(runs.dag_runs.into_iter().map(|run| run.dag_run_id).collect())
    }
}
