//! Cuts bound to the runs of workflows, whatever service runs them.

mod airflow;
mod contract;
mod databricks;
mod declared;
mod lake;
mod published;
mod returning;
mod sources;
mod spark;
