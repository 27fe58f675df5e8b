//! A stand-in for an Airflow web server: the calls that lakedr makes, as the documentation of the REST APIs of Airflow 2 and
//! 3 describes them. Real ones tell the same story in the ring `workflows`.

mod calls;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};

use super::stand_in;

pub(super) const USER: &str = "lakedr";

/// A run of a DAG.
#[derive(Debug, Clone)]
struct DagRun {
    id: String,
    began: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    state: &'static str,
    tries: u32,
}

/// Everything that the server knows of its one DAG.
#[derive(Debug)]
struct Airflow2Or3 {
    major: u32,
    dag: String,
    password: String,
    runs: Vec<DagRun>,
    paused: bool,
    lost: bool,
}

/// A running stand-in. It answers as long as the process lives.
#[derive(Debug)]
pub struct Airflow {
    address: SocketAddr,
    server: Arc<Mutex<Airflow2Or3>>,
}

impl Airflow {
    /// Starts a server of Airflow 2 or 3 that has one DAG, and lets in one user with this password.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(major: u32, dag: &str, password: &str) -> Result<Self> {
        let (dag, password) = (dag.to_owned(), password.to_owned());
        let server = Airflow2Or3 { major, dag, password, runs: Vec::new(), paused: false, lost: false };
        let server = Arc::new(Mutex::new(server));
        let served = Arc::clone(&server);
        let address = stand_in::serve(move |request| {
            served.lock().unwrap_or_else(PoisonError::into_inner).answer(request)
        })?;
        Ok(Self { address, server })
    }

    /// Its base URL, below a path as many installations have it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/air", self.address)
    }

    /// The user that it lets in.
    #[must_use]
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The DAG is paused or unpaused.
    pub fn pause(&self, paused: bool) {
        self.lock().paused = paused;
    }

    /// Whether the DAG is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.lock().paused
    }

    /// From now on, or no longer, every call is answered with 503.
    pub fn lose(&self, lost: bool) {
        self.lock().lost = lost;
    }

    /// A run begins.
    #[must_use]
    pub fn begin(&self) -> String {
        let mut server = self.lock();
        let number = server.runs.len() + 1;
        let id = format!("manual__{number}/{}", Utc::now().to_rfc3339());
        let run = DagRun { id: id.clone(), began: Some(Utc::now()), ended: None, state: "running", tries: 1 };
        server.runs.push(run);
        id
    }

    /// A run ends.
    ///
    /// # Errors
    /// There is no such run.
    pub fn end(&self, run: &str, success: bool) -> Result<()> {
        self.change(run, |run| {
            (run.ended, run.state) = (Some(Utc::now()), if success { "success" } else { "failed" });
        })
    }

    /// A run is cleared: it waits for being executed again.
    ///
    /// # Errors
    /// There is no such run.
    pub fn clear(&self, run: &str) -> Result<()> {
        self.change(run, |run| (run.began, run.ended, run.state) = (None, None, "queued"))
    }

    /// A run that was cleared begins again; when it began before is forgotten.
    ///
    /// # Errors
    /// There is no such run.
    pub fn begin_again(&self, run: &str) -> Result<()> {
        self.change(run, |run| {
            (run.began, run.state, run.tries) = (Some(Utc::now()), "running", run.tries + 1);
        })
    }

    fn change(&self, run: &str, change: impl FnOnce(&mut DagRun)) -> Result<()> {
        let mut server = self.lock();
        change(server.runs.iter_mut().find(|known| known.id == run).context("no such run")?);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Airflow2Or3> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
