//! Runs of an Airflow DAG, by the REST APIs of Airflow 2 (`/api/v1`) and 3 (`/api/v2`).

mod answer;
mod client;

pub(super) use client::AirflowRuns;
