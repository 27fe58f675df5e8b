//! Runs of an Airflow DAG, by the REST APIs of Airflow 2 (`/api/v1`) and 3 (`/api/v2`).

mod answer;
mod api;
mod client;

pub(crate) use api::WebServer;
pub(super) use client::AirflowRuns;
