//! Runs of a Databricks job, by the Jobs API 2.2.

mod answer;
mod client;
mod job;
mod repairs;

pub(super) use client::DatabricksRuns;
pub(crate) use job::job_id;
