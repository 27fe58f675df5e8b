use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use lakedr_control::secret::Secret;
use lakedr_control::service::{Call, Service};
use lakedr_control::validate::AirflowDag;
use serde::de::DeserializeOwned;

use super::answer::{DagRun, RunsPage, TaskInstance, TasksPage};
use super::api::{WebServer, failed};
use crate::cut::merged;
use crate::observe::workflow::{Listed, RunService, WorkflowError};

/// Rows of a page. A server may give fewer.
const ROWS: &str = "100";
/// Runs whose tasks are read at the same time.
const RUNS_IN_FLIGHT: usize = 8;
/// Finished runs that are looked at when there is no recovery point yet: Airflow keeps all that there ever were.
const FINISHED: usize = 20;
/// How often pages are read again, because the list changed meanwhile.
const TRIES: usize = 3;

/// The runs of one DAG.
#[derive(Debug)]
pub(in crate::observe::workflow) struct AirflowRuns {
    dag: AirflowDag,
    server: WebServer,
}

/// One page of a list.
trait Page: DeserializeOwned {
    type Row;
    fn rows(self) -> (Vec<Self::Row>, u64);
}

impl Page for RunsPage {
    type Row = DagRun;
    fn rows(self) -> (Vec<DagRun>, u64) {
        (self.dag_runs, self.total_entries)
    }
}

impl Page for TasksPage {
    type Row = TaskInstance;
    fn rows(self) -> (Vec<TaskInstance>, u64) {
        (self.task_instances, self.total_entries)
    }
}

impl AirflowRuns {
    /// `login` is user and password, if there are any.
    pub(in crate::observe::workflow) fn new(
        dag: &AirflowDag,
        login: Option<(Secret, Secret)>,
    ) -> Result<Self, WorkflowError> {
        Ok(Self { dag: dag.clone(), server: WebServer::new(&dag.url, login)? })
    }

    /// The rows of a list, and when the first page was given. Rows are in the order of their ids, so that later ones come
    /// behind; when the number of rows changes on the way, some may have been passed over, and all are read again.
    async fn all<P: Page>(
        &self,
        below: &[&str],
        query: &[(&str, &str)],
    ) -> Result<(Vec<P::Row>, Option<DateTime<Utc>>), WorkflowError> {
        let api = self.server.api().await?;
        let path = [&["api", api.version, "dags", &self.dag.dag_id, "dagRuns"], below].concat();
        for _ in 0..TRIES {
            if let Some(rows) = once::<P>(&api.service, &path, query).await? {
                return Ok(rows);
            }
        }
        Err(WorkflowError::Restless { url: format!("{}{}", self.dag.url, path.join("/")) })
    }

    async fn tasks(&self, run: &DagRun) -> Result<Vec<TaskInstance>, WorkflowError> {
        Ok(self.all::<TasksPage>(&[&run.id, "taskInstances"], &[]).await?.0)
    }
}

/// All pages of a list; none when its length changed.
async fn once<P: Page>(
    service: &Service,
    path: &[&str],
    query: &[(&str, &str)],
) -> Result<Option<(Vec<P::Row>, Option<DateTime<Utc>>)>, WorkflowError> {
    let (mut rows, mut date, mut expected) = (Vec::new(), None, None);
    loop {
        let offset = rows.len().to_string();
        let query = [query, &[("limit", ROWS), ("offset", &offset)]].concat();
        let answer = service.ask_dated::<P>(&Call::get_at(path).with_query(&query)).await.map_err(failed)?;
        date = date.or(answer.date);
        let (page, total) = answer.value.rows();
        if expected.is_some_and(|expected| expected != total) {
            return Ok(None);
        }
        expected = Some(total);
        let last = page.is_empty();
        rows.extend(page);
        if last || rows.len() as u64 >= total {
            return Ok(Some((rows, date)));
        }
    }
}

/// Leaves out runs that ended long ago: before `since`, or before the newest finished ones.
fn recent(mut runs: Vec<DagRun>, since: Option<DateTime<Utc>>) -> Vec<DagRun> {
    let mut ends: Vec<DateTime<Utc>> =
        runs.iter().filter(|run| run.is_success()).filter_map(DagRun::ended).collect();
    ends.sort_unstable_by(|a, b| b.cmp(a));
    let floor = since.or(ends.get(FINISHED - 1).copied());
    runs.retain(|run| match (run.ended(), floor) {
        (Some(ended), Some(floor)) => ended >= floor,
        _ => true,
    });
    runs
}

#[async_trait]
impl RunService for AirflowRuns {
    async fn runs(&self, since: Option<DateTime<Utc>>) -> Result<Listed, WorkflowError> {
        let asked_at = Utc::now();
        let by_id = ("order_by", "id");
        // first those that are under way: one that ends while pages are read may slip from one list to the other
        let (active, date) =
            self.all::<RunsPage>(&[], &[by_id, ("state", "queued"), ("state", "running")]).await?;
        let since_text = since.map(|since| since.to_rfc3339_opts(SecondsFormat::Micros, true));
        let mut query = vec![by_id];
        query.extend(since_text.as_deref().map(|since| ("end_date_gte", since)));
        let (all, _) = self.all::<RunsPage>(&[], &query).await?;
        let runs = recent(active.into_iter().chain(all).collect(), since);
        let reads = runs.into_iter().map(|run| async move {
            let tasks = self.tasks(&run).await?;
            Ok::<_, WorkflowError>(run.into_run(&tasks))
        });
        let reads: Vec<_> = reads.collect();
        let runs: Vec<_> = stream::iter(reads).buffered(RUNS_IN_FLIGHT).try_collect().await?;
        Ok(Listed { runs: merged(runs), at: date.unwrap_or(asked_at) })
    }
}
