//! Workflows under one face: a run begins, ends, begins again.

use std::time::Duration;

use anyhow::Result;
use lakedr_e2e::running::Running;
use lakedr_e2e::servers::{Airflow, AirflowProcess, Databricks};
use lakedr_e2e::world::{World, url};
use serde_json::{Map, Value, json};

/// A service that runs the workflow, or records of its runs.
pub(crate) trait Source {
    /// Attributes of a group with this workflow.
    fn attributes(&self) -> Result<Map<String, Value>>;
    /// The secrets that they refer to.
    fn secrets(&self) -> Vec<(String, String)>;
    /// A run begins; its id.
    fn begin(&self, world: &World) -> Result<String>;
    /// A run ends.
    fn end(&self, world: &World, run: &str, success: bool) -> Result<()>;
    /// A run begins again.
    fn again(&self, world: &World, run: &str) -> Result<()>;
}

pub(crate) const TOKEN: &str = "dapi-of-the-ring";
pub(crate) const CLIENT: (&str, &str) = ("client-of-the-ring", "secret-of-the-ring");
pub(crate) const PASSWORD: &str = "password-of-the-ring";

pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A Databricks job.
pub(crate) struct Job {
    pub(crate) workspace: Databricks,
    pub(crate) id: i64,
    login: Value,
}

impl Job {
    /// Asked with a token.
    pub(crate) fn with_token() -> Result<Self> {
        Self::new(json!({"token": "env://RING_TOKEN"}))
    }

    /// Asked as a service principal.
    pub(crate) fn with_client() -> Result<Self> {
        Self::new(json!({"client_id": "env://RING_CLIENT", "client_secret": "env://RING_SECRET"}))
    }

    fn new(login: Value) -> Result<Self> {
        let workspace = Databricks::start(TOKEN, CLIENT)?;
        let id = workspace.job("ETL");
        Ok(Self { workspace, id, login })
    }

    /// The group with another way to name the job.
    pub(crate) fn named(&self, job: &Value) -> Map<String, Value> {
        let side = |region: &str| {
            let mut workspace = self.login.clone();
            workspace["url"] = json!(self.workspace.url());
            json!({"region": region, "location": region, "workspace": workspace})
        };
        object([
            ("workflow", json!({"databricks_job": job})),
            ("primary", side("east")),
            ("secondary", side("west")),
        ])
    }
}

impl Source for Job {
    fn attributes(&self) -> Result<Map<String, Value>> {
        Ok(self.named(&json!({"name": "etl"})))
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let secrets = [("RING_TOKEN", TOKEN), ("RING_CLIENT", CLIENT.0), ("RING_SECRET", CLIENT.1)];
        secrets.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    fn begin(&self, _: &World) -> Result<String> {
        Ok(self.workspace.begin(self.id).to_string())
    }

    fn end(&self, _: &World, run: &str, success: bool) -> Result<()> {
        self.workspace.end(run.parse()?, if success { "SUCCESS" } else { "RUN_EXECUTION_ERROR" })
    }

    fn again(&self, _: &World, run: &str) -> Result<()> {
        self.workspace.repair(run.parse()?)
    }
}

/// An Airflow DAG.
pub(crate) struct Dag {
    pub(crate) server: Airflow,
}

impl Dag {
    /// Of Airflow 2 or 3.
    pub(crate) fn of(major: u32) -> Result<Self> {
        Ok(Self { server: Airflow::start(major, "the etl", PASSWORD)? })
    }
}

impl Source for Dag {
    fn attributes(&self) -> Result<Map<String, Value>> {
        Ok(object([(
            "workflow",
            json!({"airflow_dag": {
                "url": self.server.url(), "dag_id": "the etl", "username": "env://RING_USER", "password": "env://RING_PASSWORD",
            }}),
        )]))
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let user = ("RING_USER".to_owned(), self.server.user().to_owned());
        vec![("RING_PASSWORD".to_owned(), PASSWORD.to_owned()), user]
    }

    fn begin(&self, _: &World) -> Result<String> {
        Ok(self.server.begin())
    }

    fn end(&self, _: &World, run: &str, success: bool) -> Result<()> {
        self.server.end(run, success)
    }

    fn again(&self, _: &World, run: &str) -> Result<()> {
        self.server.clear(run)?;
        self.server.begin_again(run)
    }
}

/// A DAG of an Airflow that nobody here wrote.
pub(crate) struct RealDag {
    server: AirflowProcess,
}

impl RealDag {
    /// Of Airflow 2 or 3.
    pub(crate) fn of(major: u32) -> Result<Self> {
        Ok(Self { server: AirflowProcess::start(major, PASSWORD)? })
    }
}

impl Source for RealDag {
    fn attributes(&self) -> Result<Map<String, Value>> {
        Ok(object([(
            "workflow",
            json!({"airflow_dag": {
                "url": self.server.url(), "dag_id": self.server.dag(), "username": "env://RING_USER",
                "password": "env://RING_PASSWORD",
            }}),
        )]))
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let user = ("RING_USER".to_owned(), self.server.user().to_owned());
        vec![("RING_PASSWORD".to_owned(), PASSWORD.to_owned()), user]
    }

    fn begin(&self, _: &World) -> Result<String> {
        self.server.begin()
    }

    fn end(&self, _: &World, run: &str, success: bool) -> Result<()> {
        self.server.end(run, success)
    }

    fn again(&self, _: &World, run: &str) -> Result<()> {
        self.server.clear(run)
    }
}

/// Run records.
pub(crate) struct Marked {
    runs: tempfile::TempDir,
    count: std::cell::Cell<u32>,
}

impl Marked {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { runs: tempfile::tempdir()?, count: 0.into() })
    }

    fn mark(&self, world: &World, arguments: &[&str]) -> Result<()> {
        let mut command = world.command(&[&["mark"], arguments, &["--group", "etl"]].concat())?;
        let outcome = Running::spawn(&mut command)?.wait(Duration::from_secs(60))?;
        anyhow::ensure!(outcome.code == Some(0), "{outcome}");
        Ok(())
    }
}

impl Source for Marked {
    fn attributes(&self) -> Result<Map<String, Value>> {
        Ok(object([("workflow", json!({"marker": {"url": url(self.runs.path())?}}))]))
    }

    fn secrets(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn begin(&self, world: &World) -> Result<String> {
        self.count.set(self.count.get() + 1);
        let run = self.count.get().to_string();
        self.mark(world, &["start", "--run", &run]).map(|()| run)
    }

    fn end(&self, world: &World, run: &str, success: bool) -> Result<()> {
        let status = if success { "success" } else { "failed" };
        self.mark(world, &["finish", "--run", run, "--status", status])
    }

    fn again(&self, world: &World, run: &str) -> Result<()> {
        self.mark(world, &["start", "--run", run])
    }
}
