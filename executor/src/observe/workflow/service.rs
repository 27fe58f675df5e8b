use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::StatusCode;
use lakedr_control::group_log::FailureClass;
use lakedr_control::secret::{Secret, SecretRef};
use lakedr_control::service::{Login, ServiceError};
use lakedr_control::validate::{AirflowDag, Side, SideName, Workflow, Workspace, WorkspaceLogin};
use lakedr_control::vault::{SecretError, Secrets};
use url::Url;

use super::airflow::AirflowRuns;
use super::databricks::DatabricksRuns;
use crate::cut::Run;
use crate::error::Classify;

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
    #[error("{cause}{}", remedy(.cause, .expected))]
    Service {
        /// What was asked.
        expected: &'static str,
        /// What came of it.
        #[source]
        cause: ServiceError,
    },
    /// Its credentials cannot be had.
    #[error("the credentials for {service}")]
    Secret {
        /// The service.
        service: String,
        /// Why.
        #[source]
        cause: SecretError,
    },
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

fn remedy(cause: &ServiceError, expected: &str) -> String {
    let remedy = match (cause, cause.status()) {
        (ServiceError::Malformed { .. }, _) => return format!("; is it the URL of {expected}?"),
        (_, Some(StatusCode::UNAUTHORIZED)) => "; check the credentials that the group refers to",
        (_, Some(StatusCode::FORBIDDEN)) => {
            "; whoever owns these credentials needs the permission to view the workflow and its runs"
        }
        (_, Some(StatusCode::NOT_FOUND)) => "; check the url and the name of the workflow",
        _ => "",
    };
    remedy.to_owned()
}

impl Classify for WorkflowError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Service { cause, .. } => cause.class(),
            Self::Secret { cause, .. } => cause.class(),
            Self::NoJob { .. } | Self::ManyJobs { .. } | Self::NoWorkspace { .. } => {
                FailureClass::Configuration
            }
            Self::Restless { .. } => FailureClass::Unreachable,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Service { cause, .. } => cause.retryable(),
            Self::Secret { cause, .. } => cause.passes(),
            other => other.class() == FailureClass::Unreachable,
        }
    }
}

/// The service of a workflow; none for one whose runs are marked. `active` is the side that the workflow writes.
///
/// # Errors
/// When it cannot be set up, or its credentials cannot be had.
pub async fn open(
    workflow: &Workflow,
    (name, active): (SideName, &Side),
    secrets: &Secrets,
) -> Result<Option<Box<dyn RunService>>, WorkflowError> {
    match workflow {
        Workflow::Marker(_) => Ok(None),
        Workflow::DatabricksJob(job) => {
            let workspace = active
                .workspace
                .as_ref()
                .ok_or_else(|| WorkflowError::NoWorkspace { region: active.region.clone() })?;
            let login = workspace_login(workspace, secrets).await?;
            Ok(Some(Box::new(DatabricksRuns::new(workspace, login, &job.at(name))?)))
        }
        Workflow::AirflowDag(declared) => {
            let dag = &AirflowDag { url: declared.at(name).clone(), ..AirflowDag::clone(declared) };
            let login = match &dag.login {
                Some((user, password)) => {
                    Some((secret(secrets, &dag.url, user).await?, secret(secrets, &dag.url, password).await?))
                }
                None => None,
            };
            Ok(Some(Box::new(AirflowRuns::new(dag, login)?)))
        }
    }
}

/// Who asks a workspace.
///
/// # Errors
/// When its credentials cannot be had.
pub(crate) async fn workspace_login(
    workspace: &Workspace,
    secrets: &Secrets,
) -> Result<Login, WorkflowError> {
    let secret = async |reference| secret(secrets, &workspace.url, reference).await;
    Ok(match &workspace.login {
        WorkspaceLogin::Token(token) => Login::Bearer(secret(token).await?),
        WorkspaceLogin::Client { id, secret: of_client } => {
            Login::databricks_client(secret(id).await?, secret(of_client).await?)
        }
    })
}

async fn secret(secrets: &Secrets, service: &Url, reference: &SecretRef) -> Result<Secret, WorkflowError> {
    let failed = |cause| WorkflowError::Secret { service: service.to_string(), cause };
    secrets.get(reference).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::chain;

    #[test]
    fn statuses_say_what_to_do() {
        let status = |status, code: &str, message: &str| WorkflowError::Service {
            expected: "a Databricks workspace",
            cause: ServiceError::Status {
                url: "https://w/api/2.2/jobs/list".to_owned(),
                status,
                code: code.to_owned(),
                message: message.to_owned(),
                retry_after: None,
            },
        };
        insta::assert_snapshot!(status(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "not you"), @"https://w/api/2.2/jobs/list answers 403 Forbidden: PERMISSION_DENIED: not you; whoever owns these credentials needs the permission to view the workflow and its runs");
        insta::assert_snapshot!(status(StatusCode::BAD_GATEWAY, "", ""), @"https://w/api/2.2/jobs/list answers 502 Bad Gateway");
        for (code, class, retryable) in [
            (StatusCode::UNAUTHORIZED, FailureClass::Denied, false),
            (StatusCode::NOT_FOUND, FailureClass::Configuration, false),
            (StatusCode::BAD_REQUEST, FailureClass::Configuration, false),
            (StatusCode::TOO_MANY_REQUESTS, FailureClass::Unreachable, true),
            (StatusCode::INTERNAL_SERVER_ERROR, FailureClass::Unreachable, true),
        ] {
            let error = status(code, "", "");
            assert_eq!((error.class(), error.retryable()), (class, retryable), "{code}");
        }
    }

    /// The name of a variant. One that is new does not compile until it has a name, and a text below.
    fn name(error: &WorkflowError) -> &'static str {
        match error {
            WorkflowError::Service { .. } => "Service",
            WorkflowError::Secret { .. } => "Secret",
            WorkflowError::NoJob { .. } => "NoJob",
            WorkflowError::ManyJobs { .. } => "ManyJobs",
            WorkflowError::NoWorkspace { .. } => "NoWorkspace",
            WorkflowError::Restless { .. } => "Restless",
        }
    }
    const NAMES: usize = 6;

    #[test]
    fn errors_name_what_would_have_worked() {
        let (workspace, url) = ("https://w".to_owned(), "https://w/api/2.2/jobs/list".to_owned());
        let status = |status| ServiceError::Status {
            url: url.clone(),
            status,
            code: String::new(),
            message: "no".to_owned(),
            retry_after: None,
        };
        let malformed = ServiceError::Malformed {
            url: url.clone(),
            cause: serde_json::from_str::<u8>("<html>").unwrap_err(),
        };
        let service = |cause| WorkflowError::Service { expected: "a Databricks workspace", cause };
        let cause = SecretError::NotSet { reference: "env://T".parse().unwrap() };
        let all = [
            service(status(StatusCode::UNAUTHORIZED)),
            service(status(StatusCode::FORBIDDEN)),
            service(status(StatusCode::NOT_FOUND)),
            service(malformed),
            WorkflowError::Secret { service: workspace.clone(), cause },
            WorkflowError::ManyJobs { workspace: workspace.clone(), name: "etl".to_owned(), ids: vec![7, 9] },
            WorkflowError::NoJob { workspace, name: "etl".to_owned() },
            WorkflowError::NoWorkspace { region: "east".to_owned() },
            WorkflowError::Restless { url },
        ];
        let names: std::collections::BTreeSet<_> = all.iter().map(name).collect();
        assert_eq!(names.len(), NAMES, "{names:?}");
        let texts: Vec<String> =
            all.iter().map(|error| format!("{}: {}", name(error), chain(error))).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
