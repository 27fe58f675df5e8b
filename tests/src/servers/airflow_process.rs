//! A real Airflow 2 or 3: database, web server, scheduler and what else there is, in a home of its own, with the DAG of
//! `tests/airflow`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{ask, basic};
use super::process::ServerProcess;
use crate::environment::{checkout, tool};
use crate::process_group::ProcessGroup;
use crate::running::Running;

const USER: &str = "lakedr-test";
const DAG: &str = "the_etl";
/// How long a state may take to be reached, on a busy machine.
const WITHIN: Duration = Duration::from_secs(120);

/// A running Airflow. Dropping it ends its processes.
#[derive(Debug)]
pub struct AirflowProcess {
    // before `home`: the processes end before their folder goes
    web: ServerProcess,
    others: Vec<ProcessGroup>,
    home: TempDir,
    major: u32,
    authorization: String,
}

impl AirflowProcess {
    /// Starts Airflow 2 or 3, which lets in one user with this password.
    ///
    /// # Errors
    /// It is not installed, or does not come up; what it said is in the error.
    pub fn start(major: u32, password: &str) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("lakedr-airflow-").tempdir()?;
        let installed = Installed { major, home: home.path() };
        installed.run(&["db", "migrate"])?;
        if major == 2 {
            let person =
                ["--firstname", "a", "--lastname", "b", "--email", "a@example.com", "--role", "Admin"];
            let user = ["users", "create", "--username", USER, "--password", password];
            installed.run(&[&user[..], &person].concat())?;
        } else {
            std::fs::write(home.path().join("passwords.json"), json!({USER: password}).to_string())?;
        }
        let command = installed.command(&[])?;
        let web = ServerProcess::start("airflow", |port, _| {
            let mut web = Command::new(command.get_program());
            web.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let server = if major == 2 { "webserver" } else { "api-server" };
            web.args([server, "--workers", "1", "--port", &port.to_string()]);
            web
        })?;
        let authorization = match major {
            2 => basic(USER, password),
            _ => {
                let login = json!({"username": USER, "password": password});
                let granted = ask("POST", &format!("{}/auth/token", web.endpoint()), None, &login)?;
                let granted = granted.context("no token is granted")?;
                format!("Bearer {}", granted["access_token"].as_str().context("a token")?)
            }
        };
        let mut others = vec![installed.spawn(&["scheduler", "--skip-serve-logs"], &web.endpoint())?];
        if major > 2 {
            others.push(installed.spawn(&["dag-processor"], &web.endpoint())?);
        }
        let started = Self { web, others, home, major, authorization };
        started.until("the DAG is known", || Ok(started.get("")?.is_some()))?;
        Ok(started)
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.web.endpoint()
    }

    /// The user that it lets in.
    #[must_use]
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The id of its DAG.
    #[must_use]
    pub fn dag(&self) -> &'static str {
        DAG
    }

    /// Triggers a run and waits until it is under way; its id.
    ///
    /// # Errors
    /// It does not begin.
    pub fn begin(&self) -> Result<String> {
        self.close_gate()?;
        let now = if self.major == 2 { json!({}) } else { json!({"logical_date": null}) };
        let run = self.ask("POST", "/dagRuns", &now)?.context("a run")?;
        let id = run["dag_run_id"].as_str().context("an id")?.to_owned();
        self.until_task(&id, "running")?;
        Ok(id)
    }

    /// Lets a run end, and waits until it has ended.
    ///
    /// # Errors
    /// It does not end so.
    pub fn end(&self, run: &str, success: bool) -> Result<()> {
        let state = if success { "success" } else { "failed" };
        let gate = self.gate();
        // as a whole, because the run looks at it at any time
        std::fs::write(gate.with_extension("new"), state)?;
        std::fs::rename(gate.with_extension("new"), gate)?;
        self.until_state(run, state)
    }

    /// Clears a run, and waits until it is under way again.
    ///
    /// # Errors
    /// It does not begin again.
    pub fn clear(&self, run: &str) -> Result<()> {
        self.close_gate()?;
        let cleared =
            self.ask("POST", &format!("/dagRuns/{}/clear", encoded(run)), &json!({"dry_run": false}))?;
        ensure!(cleared.is_some(), "{run} cannot be cleared");
        self.until_task(run, "running")
    }

    fn gate(&self) -> PathBuf {
        gate(self.home.path())
    }

    fn close_gate(&self) -> Result<()> {
        match std::fs::remove_file(self.gate()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn until_state(&self, run: &str, state: &str) -> Result<()> {
        let path = format!("/dagRuns/{}", encoded(run));
        self.until(state, || Ok(self.get(&path)?.is_some_and(|run| run["state"] == state)))
    }

    fn until_task(&self, run: &str, state: &str) -> Result<()> {
        self.until_state(run, "running")?;
        let path = format!("/dagRuns/{}/taskInstances/load", encoded(run));
        self.until(state, || Ok(self.get(&path)?.is_some_and(|task| task["state"] == state)))
    }

    fn until(&self, what: &str, is_so: impl Fn() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + WITHIN;
        while Instant::now() < deadline {
            if is_so()? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let said = std::fs::read_to_string(self.home.path().join("scheduler.log")).unwrap_or_default();
        bail!("no {what} within {WITHIN:?}; the scheduler said\n{said}")
    }

    fn get(&self, path: &str) -> Result<Option<Value>> {
        self.ask("GET", path, &Value::Null)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Option<Value>> {
        let url = format!("{}/api/v{}/dags/{DAG}{path}", self.url(), self.major - 1);
        ask(method, &url, Some(&self.authorization), body)
    }
}

impl Drop for AirflowProcess {
    /// Asks for the end before it is brought about: the scheduler has a child in another process group, which it ends.
    fn drop(&mut self) {
        for other in &mut self.others {
            let id = i32::try_from(other.child().id()).map(Pid::from_raw);
            // it may have ended by itself
            id.map(|id| kill(id, Signal::SIGTERM).ok()).ok();
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        for other in &mut self.others {
            while Instant::now() < deadline && matches!(other.child().try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn gate(home: &Path) -> PathBuf {
    home.join("gate")
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// `airflow` with everything of it in one folder, and nothing that leaves this machine.
struct Installed<'a> {
    major: u32,
    home: &'a Path,
}

impl Installed<'_> {
    fn run(&self, arguments: &[&str]) -> Result<()> {
        let outcome = Running::spawn(&mut self.command(arguments)?)?.wait(WITHIN)?;
        ensure!(outcome.code == Some(0), "{outcome}");
        Ok(())
    }

    fn spawn(&self, arguments: &[&str], web: &str) -> Result<ProcessGroup> {
        let log = File::create(self.home.join(format!("{}.log", arguments[0])))?;
        let mut command = self.command(arguments)?;
        command.env("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", format!("{web}/execution/"));
        ProcessGroup::spawn(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log))
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let program = tool(&format!("airflow{}/bin/airflow", self.major))?;
        let programs = program.parent().context("a folder of programs")?.display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .env("AIRFLOW_HOME", self.home)
            .env("HOME", self.home)
            .env("PATH", format!("{programs}:{path}"))
            .env("GATE", gate(self.home))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("AIRFLOW__CORE__DAGS_FOLDER", checkout().join("tests/airflow"));
        let passwords = self.home.join("passwords.json").display().to_string();
        let own = match self.major {
            2 => vec![
                ("API__AUTH_BACKENDS", "airflow.api.auth.backend.basic_auth"),
                ("CORE__EXECUTOR", "SequentialExecutor"),
                ("WEBSERVER__WEB_SERVER_HOST", "127.0.0.1"),
            ],
            _ => vec![
                ("API__HOST", "127.0.0.1"),
                // all processes have to know the same
                ("API_AUTH__JWT_ISSUER", "tests"),
                ("API_AUTH__JWT_SECRET", "of-the-tests-of-the-tests-of-the-tests"),
                ("CORE__EXECUTOR", "LocalExecutor"),
                ("CORE__PARALLELISM", "1"),
                ("CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", passwords.as_str()),
                ("CORE__SIMPLE_AUTH_MANAGER_USERS", "lakedr-test:admin"),
            ],
        };
        let both = [
            ("CORE__LOAD_EXAMPLES", "False"),
            ("DATABASE__LOAD_DEFAULT_CONNECTIONS", "False"),
            ("SCHEDULER__SCHEDULER_HEARTBEAT_SEC", "1"),
            ("USAGE_DATA_COLLECTION__ENABLED", "False"),
        ];
        for (option, value) in own.into_iter().chain(both) {
            command.env(format!("AIRFLOW__{option}"), value);
        }
        Ok(command)
    }
}
