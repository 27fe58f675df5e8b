//! Runs of a Databricks job, by the Jobs API 2.2.

mod answer;
mod client;

pub(super) use client::DatabricksRuns;
