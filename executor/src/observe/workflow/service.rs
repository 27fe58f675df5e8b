use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lakedr_control::group_log::FailureClass;
use lakedr_control::validate::{Side, Workflow};
use lakedr_control::vault::Secrets;

use super::airflow::AirflowRuns;
use super::databricks::DatabricksRuns;
use crate::cut::Run;
use crate::error::Classify;
use crate::observe::service::ServiceError;

/// The runs that a service told of.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Each once.
    pub runs: Vec<Run>,
    /// When the list was begun, by the clock of the service where it says. Runs that began later may be missing, and a run
    /// that ended later counts as under way.
    pub at: DateTime<Utc>,
}

/// A service that starts runs and knows what became of them.
#[async_trait]
pub trait RunService: Send + Sync + std::fmt::Debug {
    /// Every run that is under way, and every run that ended at `since` or later; of a service that cannot be asked so, all
    /// runs that it keeps.
    ///
    /// # Errors
    /// See [`WorkflowError`].
    async fn runs(&self, since: Option<DateTime<Utc>>) -> Result<Listed, WorkflowError>;
}

/// Why a service does not tell of the runs of a workflow.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// It does not answer, or with an error.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// There is no job of that name.
    #[error("{workspace} has no job named {name:?}; correct the name, or give the id of the job")]
    NoJob {
        /// The workspace.
        workspace: String,
        /// The name.
        name: String,
    },
    /// There is more than one.
    #[error(
        "{workspace} has {} jobs named {name:?}, with the ids {}; give the id of the one that writes the tables",
        ids.len(), ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    ManyJobs {
        /// The workspace.
        workspace: String,
        /// The name.
        name: String,
        /// Their ids.
        ids: Vec<i64>,
    },
    /// The side has no workspace.
    #[error(
        "the workflow is a Databricks job, but region {region} has no workspace; set workspace on both sides"
    )]
    NoWorkspace {
        /// The region.
        region: String,
    },
    /// Pages that cannot be put together.
    #[error("the list of runs at {url} changed again and again while its pages were read; try again")]
    Restless {
        /// What was asked.
        url: String,
    },
}

impl Classify for WorkflowError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Service(cause) => cause.class(),
            Self::NoJob { .. } | Self::ManyJobs { .. } | Self::NoWorkspace { .. } => {
                FailureClass::Configuration
            }
            Self::Restless { .. } => FailureClass::Unreachable,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Service(cause) => cause.retryable(),
            other => other.class() == FailureClass::Unreachable,
        }
    }
}

/// The service of a workflow; none for one whose runs are marked. `active` is the side that the workflow writes.
///
/// # Errors
/// When it cannot be set up.
pub fn open(
    workflow: &Workflow,
    active: &Side,
    secrets: &Secrets,
) -> Result<Option<Box<dyn RunService>>, WorkflowError> {
    match workflow {
        Workflow::Marker(_) => Ok(None),
        Workflow::DatabricksJob(job) => {
            let workspace = active
                .workspace
                .as_ref()
                .ok_or_else(|| WorkflowError::NoWorkspace { region: active.region.clone() })?;
            Ok(Some(Box::new(DatabricksRuns::new(workspace, job, secrets)?)))
        }
        Workflow::AirflowDag(dag) => Ok(Some(Box::new(AirflowRuns::new(dag, secrets)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_what_would_have_worked() {
        let workspace = "https://w".to_owned();
        let many =
            WorkflowError::ManyJobs { workspace: workspace.clone(), name: "etl".to_owned(), ids: vec![7, 9] };
        insta::assert_snapshot!(many.to_string(), @r#"https://w has 2 jobs named "etl", with the ids 7, 9; give the id of the one that writes the tables"#);
        let none = WorkflowError::NoJob { workspace, name: "etl".to_owned() };
        insta::assert_snapshot!(none.to_string(), @r#"https://w has no job named "etl"; correct the name, or give the id of the job"#);
    }
}
