//! A command on its way, and what became of it.

use std::fmt;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use crate::process_group::ProcessGroup;

/// A started command. Dropping it kills it with all its children.
#[derive(Debug)]
pub struct Running {
    line: String,
    group: ProcessGroup,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The command line.
    pub line: String,
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How long it took, from the call of [`Running::wait`].
    pub took: Duration,
}

impl Running {
    /// Starts the command in a process group of its own, its output captured.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let line = format!("{command:?}");
        let mut group = ProcessGroup::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let child = group.child();
        let stdout = collect(child.stdout.take().context("standard output")?);
        let stderr = collect(child.stderr.take().context("standard error")?);
        Ok(Self { line, group, stdout, stderr })
    }

    /// Process id of the command.
    pub fn id(&mut self) -> u32 {
        self.group.child().id()
    }

    /// Whether the command has not ended.
    ///
    /// # Errors
    /// The system does not say.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.group.child().try_wait()?.is_none())
    }

    /// Sends a signal to the command and all its children, as a terminal does.
    ///
    /// # Errors
    /// The command has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        let group = Pid::from_raw(self.id().try_into()?);
        killpg(group, signal).with_context(|| format!("{signal} to {}", self.line))
    }

    /// Waits for the end of the command and of everything that holds its output.
    ///
    /// # Errors
    /// It takes longer than `within`, and was killed.
    pub fn wait(mut self, within: Duration) -> Result<Outcome> {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.group.child().try_wait()? {
                break status;
            }
            if start.elapsed() > within {
                let Self { line, group, stdout, stderr } = self;
                drop(group);
                let (stdout, stderr) = (stdout.recv()?, stderr.recv()?);
                bail!("{line} takes longer than {within:?}; it said\n{stdout}\n{stderr}");
            }
            thread::sleep(Duration::from_millis(5));
        };
        let took = start.elapsed();
        let rest = within.saturating_sub(took).max(Duration::from_secs(5));
        let held = || format!("a child of {} holds its output", self.line);
        let stdout = self.stdout.recv_timeout(rest).with_context(held)?;
        let stderr = self.stderr.recv_timeout(rest).with_context(held)?;
        Ok(Outcome { line: self.line, code: status.code(), stdout, stderr, took })
    }
}

impl Outcome {
    /// Standard output as one JSON document.
    ///
    /// # Errors
    /// It is something else.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("json from {self}"))
    }

    /// Whether standard output or standard error contains the text, however the lines are wrapped.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        let plain = |text: &str| {
            let words = text.split_whitespace().filter(|word| *word != "│");
            words.collect::<Vec<_>>().join(" ")
        };
        plain(&self.stdout).contains(text) || plain(&self.stderr).contains(text)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, code, stdout, stderr, took } = self;
        write!(formatter, "{line} ended with {code:?} after {took:?}\n{stdout}\n{stderr}")
    }
}

/// Reads a pipe to its end beside the command, so that it never stands still.
fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}
