//! The runs of a workflow, one file or folder per source of truth.

mod airflow;
mod attempts;
mod databricks;
mod known;
pub mod marker;
mod memory;
mod service;

pub(crate) use airflow::WebServer;
pub(crate) use databricks::job_id;
pub use known::Held;
pub use memory::RunMemory;
pub(crate) use service::workspace_login;
pub use service::{Listed, RunService, WorkflowError, open};
