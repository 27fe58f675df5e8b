use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lakedr_control::service::{Answer, Call, Login, Service};
use lakedr_control::spec::DatabricksJobSpec;
use lakedr_control::validate::Workspace;
use serde::de::DeserializeOwned;
use url::Url;

use super::answer::{JobRun, RunPage, RunsPage};
use super::job::{failed, job_id};
use super::repairs::{to_ask, with_repairs};
use crate::cut::{Run, merged};
use crate::observe::workflow::{Listed, RunService, WorkflowError};

/// Runs of a page: `limit` has to be under 25.
const RUNS: &str = "24";

/// Runs that are asked for at the same time.
const RUNS_IN_FLIGHT: usize = 8;

/// The runs of one job.
#[derive(Debug)]
pub(in crate::observe::workflow) struct DatabricksRuns {
    service: Service,
    workspace: Url,
    job: DatabricksJobSpec,
}

impl DatabricksRuns {
    pub(in crate::observe::workflow) fn new(
        workspace: &Workspace,
        login: Login,
        job: &DatabricksJobSpec,
    ) -> Result<Self, WorkflowError> {
        let service = Service::new(workspace.url.as_str(), login).map_err(failed)?;
        Ok(Self { service, workspace: workspace.url.clone(), job: job.clone() })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer<T>, WorkflowError> {
        self.service.ask_dated(&Call::get_at(path).with_query(query)).await.map_err(failed)
    }

    /// All pages, and when the first was given.
    async fn pages(
        &self,
        job: &str,
        more: &[(&str, &str)],
    ) -> Result<(Vec<JobRun>, Option<DateTime<Utc>>), WorkflowError> {
        let (mut runs, mut token, mut date) = (Vec::new(), None::<String>, None);
        loop {
            let mut query = vec![("job_id", job), ("limit", RUNS)];
            query.extend(more);
            query.extend(token.as_deref().map(|token| ("page_token", token)));
            let answer = self.ask::<RunsPage>(&["api", "2.2", "jobs", "runs", "list"], &query).await?;
            date = date.or(answer.date);
            runs.extend(answer.value.runs);
            token = answer.value.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok((runs, date));
            }
        }
    }

    /// A run with all its repairs.
    async fn run(&self, id: &str) -> Result<Run, WorkflowError> {
        let (mut run, mut token) = (None::<JobRun>, None::<String>);
        loop {
            let mut query = vec![("run_id", id), ("include_history", "true")];
            query.extend(token.as_deref().map(|token| ("page_token", token)));
            let page = self.ask::<RunPage>(&["api", "2.2", "jobs", "runs", "get"], &query).await?.value;
            let whole = match run {
                Some(run) => run.and(page.run),
                None => page.run,
            };
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(whole.into());
            }
            run = Some(whole);
        }
    }
}

#[async_trait]
impl RunService for DatabricksRuns {
    /// All runs that the service keeps (60 days): it can be asked for runs by their begin only, and a run that began long
    /// ago may end, or be repaired, at any time.
    async fn runs(&self, since: Option<DateTime<Utc>>) -> Result<Listed, WorkflowError> {
        let job = job_id(&self.service, &self.workspace, &self.job).await?.to_string();
        let asked_at = Utc::now();
        // first those that are under way: one that ends while pages are read may slip from a page to another one
        let (active, date) = self.pages(&job, &[("active_only", "true")]).await?;
        let (all, _) = self.pages(&job, &[]).await?;
        let listed = merged(active.into_iter().chain(all).map(Run::from));
        let asked = to_ask(&listed, since);
        let asks = asked.iter().map(|id| self.run(id));
        let asks: Vec<_> = asks.collect();
        let told: Vec<Run> = stream::iter(asks).buffered(RUNS_IN_FLIGHT).try_collect().await?;
        Ok(Listed { runs: with_repairs(listed, told), at: date.unwrap_or(asked_at) })
    }
}
