use lakedr_control::service::{Call, Service, ServiceError};
use lakedr_control::spec::DatabricksJobSpec;
use serde::de::DeserializeOwned;
use url::Url;

use super::answer::{Job, JobsPage};
use crate::observe::workflow::WorkflowError;

/// Jobs of a page, the most that there may be.
const JOBS: &str = "100";

/// The id of a job, which exists.
///
/// # Errors
/// When the workspace does not answer, or has no job of that name, or more than one.
pub(crate) async fn job_id(
    service: &Service,
    workspace: &Url,
    job: &DatabricksJobSpec,
) -> Result<i64, WorkflowError> {
    match (&job.id, &job.name) {
        (Some(id), _) => {
            let id = id.to_string();
            Ok(ask::<Job>(service, "get", &[("job_id", &id)]).await?.job_id)
        }
        (None, name) => job_named(service, workspace, name.as_deref().unwrap_or_default()).await,
    }
}

async fn job_named(service: &Service, workspace: &Url, name: &str) -> Result<i64, WorkflowError> {
    let (mut ids, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("name", name), ("limit", JOBS)];
        query.extend(token.as_deref().map(|token| ("page_token", token)));
        let page = ask::<JobsPage>(service, "list", &query).await?;
        // the service takes no notice of case
        let same = |job: &Job| job.settings.name.to_lowercase() == name.to_lowercase();
        ids.extend(page.jobs.iter().filter(|job| same(job)).map(|job| job.job_id));
        token = page.next_page_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    ids.sort_unstable();
    ids.dedup();
    let (workspace, name) = (workspace.to_string(), name.to_owned());
    match ids.as_slice() {
        [id] => Ok(*id),
        [] => Err(WorkflowError::NoJob { workspace, name }),
        _ => Err(WorkflowError::ManyJobs { workspace, name, ids }),
    }
}

async fn ask<T: DeserializeOwned>(
    service: &Service,
    what: &str,
    query: &[(&str, &str)],
) -> Result<T, WorkflowError> {
    service.ask(&Call::get_at(&["api", "2.2", "jobs", what]).with_query(query)).await.map_err(failed)
}

pub(super) fn failed(cause: ServiceError) -> WorkflowError {
    WorkflowError::Service { expected: "a Databricks workspace", cause }
}
