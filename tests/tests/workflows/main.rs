//! Cuts bound to the runs of workflows, whatever service runs them.

mod airflow;
mod contract;
mod databricks;
mod lake;
mod sources;
