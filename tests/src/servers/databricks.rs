//! A stand-in for the jobs of a Databricks workspace, which cannot be had: the calls that lakedr makes, as the
//! documentation of the Jobs API 2.2 and of OAuth M2M describes them. `databricks-sdk`, which its vendor made, is run against
//! it.
//!
//! Its lists have pages of few rows and no order that could be relied on.

mod calls;
mod compute;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use chrono::Utc;

use super::stand_in::{self, Answer};

/// A run of a job, in milliseconds since the epoch.
#[derive(Debug, Clone)]
struct JobRun {
    id: i64,
    job: i64,
    /// Begin, end (0 while it is under way) and termination code of each execution.
    executions: Vec<(i64, i64, String)>,
    state: String,
}

/// Everything that the workspace knows.
#[derive(Debug, Default)]
struct Workspace {
    token: String,
    client: (String, String),
    granted: Vec<String>,
    jobs: Vec<(i64, String)>,
    runs: Vec<JobRun>,
    compute: compute::Compute,
    /// Statuses that the next calls of the API are answered with, and seconds to wait.
    troubles: VecDeque<(u16, Option<u64>)>,
    asked: Vec<String>,
    deprecated: bool,
}

/// A running stand-in. It answers as long as the process lives.
#[derive(Debug)]
pub struct Databricks {
    address: SocketAddr,
    workspace: Arc<Mutex<Workspace>>,
}

impl Databricks {
    /// Starts a workspace without jobs that lets in the owner of a token, and a client with its secret.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(token: &str, client: (&str, &str)) -> Result<Self> {
        let workspace = Workspace {
            token: token.to_owned(),
            client: (client.0.to_owned(), client.1.to_owned()),
            ..Workspace::default()
        };
        let workspace = Arc::new(Mutex::new(workspace));
        let served = Arc::clone(&workspace);
        let address = stand_in::serve(move |request| {
            let mut workspace = served.lock().unwrap_or_else(PoisonError::into_inner);
            let asks = request.path.first().is_some_and(|first| first == "api");
            if asks && workspace.is_lost() {
                return trouble(503, None);
            }
            match asks.then(|| workspace.troubles.pop_front()).flatten() {
                Some((status, wait)) => trouble(status, wait),
                None => workspace.answer(request),
            }
        })?;
        Ok(Self { address, workspace })
    }

    /// Its URL, as a group names it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a job.
    #[must_use]
    pub fn job(&self, name: &str) -> i64 {
        let mut workspace = self.lock();
        let id = 1_000 + i64::try_from(workspace.jobs.len()).unwrap_or_default();
        workspace.jobs.push((id, name.to_owned()));
        id
    }

    /// Deletes a job, with its runs.
    pub fn delete(&self, job: i64) {
        let mut workspace = self.lock();
        workspace.jobs.retain(|(id, _)| *id != job);
        workspace.runs.retain(|run| run.job != job);
    }

    /// The runs that are over are too old for the workspace to keep them.
    pub fn forget(&self) {
        self.lock().runs.retain(|run| run.state != "TERMINATED");
    }

    /// A run of a job begins.
    #[must_use]
    pub fn begin(&self, job: i64) -> i64 {
        let mut workspace = self.lock();
        // no order of ids tells the order of runs
        let number = i64::try_from(workspace.runs.len()).unwrap_or_default();
        let id = 500_000 + (number * 7_919) % 10_007;
        let executions = vec![(now(), 0, String::new())];
        workspace.runs.push(JobRun { id, job, executions, state: "RUNNING".to_owned() });
        id
    }

    /// A run ends with a termination code: `SUCCESS`, `RUN_EXECUTION_ERROR`, …
    ///
    /// # Errors
    /// There is no such run.
    pub fn end(&self, run: i64, code: &str) -> Result<()> {
        self.change(run, "TERMINATED", |run| {
            if let Some(last) = run.executions.last_mut() {
                (last.1, last.2) = (now(), code.to_owned());
            }
        })
    }

    /// A run is repaired: it is under way again.
    ///
    /// # Errors
    /// There is no such run.
    pub fn repair(&self, run: i64) -> Result<()> {
        self.change(run, "RUNNING", |run| run.executions.push((now(), 0, String::new())))
    }

    /// A run is repaired, as soon as it is its turn.
    ///
    /// # Errors
    /// There is no such run.
    pub fn queue_repair(&self, run: i64) -> Result<()> {
        self.change(run, "QUEUED", |run| run.executions.push((now(), 0, String::new())))
    }

    /// The next call of the API is answered with this status, and with the request to wait so many seconds.
    pub fn trouble(&self, status: u16, wait: Option<u64>) {
        self.lock().troubles.push_back((status, wait));
    }

    /// From now on runs have the field `state` only, and no `status`.
    pub fn speak_deprecated(&self) {
        self.lock().deprecated = true;
    }

    /// Paths and queries of the calls so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    fn change(&self, run: i64, state: &str, change: impl FnOnce(&mut JobRun)) -> Result<()> {
        let mut workspace = self.lock();
        let run = workspace.runs.iter_mut().find(|known| known.id == run).context("no such run")?;
        change(run);
        state.clone_into(&mut run.state);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Workspace> {
        self.workspace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> i64 {
    Utc::now().timestamp_millis()
}

fn trouble(status: u16, wait: Option<u64>) -> Answer {
    let mut answer = calls::refused(status, "TEMPORARILY_UNAVAILABLE", "the stand-in was told to say so");
    answer.headers.extend(wait.map(|seconds| ("retry-after", seconds.to_string())));
    answer
}
