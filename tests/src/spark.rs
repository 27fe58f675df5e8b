//! Real Spark with Delta Lake, behind a pipe: the Python side is `tests/spark/pipe.py`.
//!
//! Starting a JVM takes seconds, so a story starts one [`Spark`] and asks it many things, one at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::environment;
use crate::process_group::ProcessGroup;
use crate::servers::{ObjectServer as _, Versitygw};

/// A running Spark. Dropping it ends the JVM.
#[derive(Debug)]
pub struct Spark {
    // before `scratch`: the JVM ends before its folder goes
    _group: ProcessGroup,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
    _scratch: TempDir,
}

/// Versions of the workflow's tables at one moment, by table name.
pub type Versions = BTreeMap<String, u64>;

/// What a table holds: equal rows have equal values here, whatever the files they lie in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The names of the columns, sorted.
    pub columns: Vec<String>,
    /// How many rows there are.
    pub count: u64,
    /// SHA-256 over the rows as sorted JSON lines, in hexadecimal.
    pub sha256: String,
}

impl Spark {
    /// Starts the workflow of the stories, `tests/spark/workflow.py`.
    ///
    /// # Errors
    /// As [`Self::serve`].
    pub fn start() -> Result<Self> {
        Self::serve("tests/spark/workflow.py")
    }

    /// Starts a Python script of the checkout, and with it the JVM; the first request waits until they are up.
    ///
    /// # Errors
    /// Python, Spark or its jars are not installed.
    pub fn serve(script: &str) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("lakedr-spark-").tempdir()?;
        let log = scratch.path().join("spark.log");
        let mut command = Command::new(environment::tool("venv/bin/python")?);
        command
            .arg(environment::checkout().join(script))
            .arg("--jars")
            .arg(environment::tool("jars")?)
            .arg("--scratch")
            .arg(scratch.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?);
        let mut group = ProcessGroup::spawn(&mut command)?;
        let requests = group.child().stdin.take().context("spark has no stdin")?;
        let answers = BufReader::new(group.child().stdout.take().context("spark has no stdout")?);
        Ok(Self { _group: group, requests, answers, log, _scratch: scratch })
    }

    /// Lets Spark reach a bucket of a versitygw as `s3a://BUCKET`.
    ///
    /// # Errors
    /// Spark ended.
    pub fn connect(&mut self, server: &Versitygw, bucket: &str) -> Result<()> {
        let (access_key, secret_key) = server.credentials();
        let request = json!({
            "command": "bucket", "bucket": bucket, "endpoint": server.endpoint(),
            "access_key": access_key, "secret_key": secret_key,
        });
        self.ask(&request).map(drop)
    }

    /// One whole run of the bronze, silver, gold workflow under `root` (`s3a://…` or `file:///…`).
    ///
    /// # Errors
    /// What Spark said.
    pub fn run(&mut self, root: &str, number: u32) -> Result<Versions> {
        versions(self.ask(&json!({"command": "run", "root": root, "number": number}))?)
    }

    /// A run that is cut short: bronze whole, silver in part, gold not at all.
    ///
    /// # Errors
    /// What Spark said.
    pub fn half_run(&mut self, root: &str, number: u32) -> Result<Versions> {
        versions(self.ask(&json!({"command": "half_run", "root": root, "number": number}))?)
    }

    /// The rest of a run that was cut short; its end is that of a whole run.
    ///
    /// # Errors
    /// What Spark said.
    pub fn rest_of_run(&mut self, root: &str, number: u32) -> Result<Versions> {
        versions(self.ask(&json!({"command": "rest_of_run", "root": root, "number": number}))?)
    }

    /// The newest version of each of the workflow's tables that exists.
    ///
    /// # Errors
    /// What Spark said.
    pub fn versions(&mut self, root: &str) -> Result<Versions> {
        versions(self.ask(&json!({"command": "versions", "root": root}))?)
    }

    /// What the table at `path` holds, at a version or at the latest.
    ///
    /// # Errors
    /// What Spark said: there is no such table, or it cannot be read.
    pub fn rows(&mut self, path: &str, version: Option<u64>) -> Result<Rows> {
        let found = self.ask(&json!({"command": "rows", "path": path, "version": version}))?;
        let columns = found["columns"].as_array().context("rows without columns")?;
        Ok(Rows {
            columns: columns.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            count: found["count"].as_u64().context("rows without a count")?,
            sha256: found["sha256"].as_str().context("rows without a hash")?.to_owned(),
        })
    }

    /// The rows that a query gives, as JSON objects without the columns that are null.
    ///
    /// # Errors
    /// What Spark said.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Value>> {
        let found = self.ask(&json!({"command": "query", "sql": sql}))?;
        let rows = found.as_array().context("rows")?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.as_str().context("a row")?)?)).collect()
    }

    /// Whether the newest version of the table at `path` has a checksum that Spark finds right.
    ///
    /// # Errors
    /// What Spark said: the checksum is wrong, or there is no such table.
    pub fn has_checksum(&mut self, path: &str) -> Result<bool> {
        let found = self.ask(&json!({"command": "checksum", "path": path}))?;
        found.as_bool().context("whether there is a checksum")
    }

    /// Sends a request, `{"command": NAME, …}`, and waits for its answer.
    ///
    /// # Errors
    /// Spark ended, or what it said instead of an answer.
    pub fn ask(&mut self, request: &Value) -> Result<Value> {
        let sent = writeln!(self.requests, "{request}").and_then(|()| self.requests.flush());
        let mut line = String::new();
        if sent.is_err() || self.answers.read_line(&mut line)? == 0 {
            bail!("spark ended; it said\n{}", std::fs::read_to_string(&self.log).unwrap_or_default());
        }
        let mut answer: Value =
            serde_json::from_str(&line).with_context(|| format!("spark said {line:?}"))?;
        match answer.get_mut("ok") {
            Some(ok) => Ok(ok.take()),
            None => bail!("spark was asked {request} and answered {}", answer["error"]),
        }
    }
}

fn versions(answer: Value) -> Result<Versions> {
    serde_json::from_value(answer).context("read the versions of the tables")
}
