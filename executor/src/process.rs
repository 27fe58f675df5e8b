//! The one place where the executor starts a process: the executable of a hook, and the command that judges a drill.
//!
//! It gets a request on its standard input, `PATH` and `HOME`, the variables that the user passes on by name, and nothing else
//! of the environment, which holds the secrets of lakedr. What it writes to stderr goes to the log of this process,
//! shortened, and into no document; what becomes of its stdout is up to the caller.

use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What is kept of what a program writes to each of its streams.
const OUTPUT: u64 = 4_096;

/// How long it is listened to after its end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Variables that it gets in any case.
const ENVIRONMENT: [&str; 2] = ["PATH", "HOME"];

/// A program, and how it is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program<'a> {
    /// Its path.
    pub(crate) command: &'a str,
    /// Names of variables that are passed on, if they are set.
    pub(crate) passes: &'a [String],
    /// How long it may take.
    pub(crate) patience: Duration,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// With what.
    pub(crate) status: ExitStatus,
    /// The beginning of its stdout.
    pub(crate) said: String,
}

/// Why a program did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProcessFault {
    /// It could not be run.
    #[error("{command} cannot be run; it has to be an executable file that the user of lakedr may run")]
    NotRun {
        /// Its path.
        command: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// It took too long, and was killed.
    #[error("{command} did not end within {seconds} seconds, and was killed")]
    TimedOut {
        /// Its path.
        command: String,
        /// How long it was waited for.
        seconds: u64,
    },
}

impl Program<'_> {
    /// Runs it to its end, or to the end of patience: then it is killed.
    pub(crate) async fn run(self, request: &[u8]) -> Result<Ended, ProcessFault> {
        let Self { command, passes, patience } = self;
        let passed = ENVIRONMENT.into_iter().chain(passes.iter().map(String::as_str));
        let mut prepared = Command::new(command);
        prepared.env_clear();
        prepared.envs(passed.filter_map(|name| Some((name, std::env::var_os(name)?))));
        prepared.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let not_run = |cause| ProcessFault::NotRun { command: command.to_owned(), cause };
        let mut child = prepared.spawn().map_err(not_run)?;
        let ended = timeout(patience, converse(&mut child, request)).await;
        let Ok(ended) = ended else {
            // it may have gone meanwhile
            let _ = child.kill().await;
            let command = command.to_owned();
            return Err(ProcessFault::TimedOut { command, seconds: patience.as_secs() });
        };
        let (status, said, complained) = ended.map_err(not_run)?;
        if !complained.is_empty() {
            tracing::info!("{command} says: {complained}");
        }
        Ok(Ended { status, said })
    }
}

async fn converse(child: &mut Child, request: &[u8]) -> Result<(ExitStatus, String, String), std::io::Error> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let tell = async {
        if let Some(mut stdin) = stdin {
            // one that does not care to read is not wrong
            let _ = stdin.write_all(request).await;
        }
    };
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let status = {
        let mut end = pin!(async { tokio::join!(tell, child.wait()).1 });
        let hear = async { tokio::join!(beginning(stdout, &mut said), beginning(stderr, &mut complained)) };
        let mut hear = pin!(hear);
        tokio::select! {
            status = &mut end => {
                // what it left running may hold the other end for long
                let _ = timeout(LAST_WORDS, hear).await;
                status?
            }
            _ = &mut hear => end.await?,
        }
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok((status, text(said), text(complained)))
}

/// The beginning of what is said; all of it is read, so that nobody waits to be heard.
async fn beginning(from: Option<impl AsyncRead + Unpin>, said: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    if (&mut from).take(OUTPUT).read_to_end(said).await.is_ok() {
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn script(dir: &tempfile::TempDir, text: &str) -> String {
        let path = dir.path().join("program");
        // written by a process of its own: a file that another thread's child still has open cannot be run
        let write = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 700 "$0""#;
        let mut shell = std::process::Command::new("sh");
        assert!(shell.args(["-c", write]).arg(&path).arg(text).status().unwrap().success());
        path.display().to_string()
    }

    async fn run(command: &str, passes: &[String], patience: Duration) -> Result<Ended, ProcessFault> {
        Program { command, passes, patience }.run(br#"{"event":"stop"}"#).await
    }

    #[tokio::test]
    async fn it_gets_the_request_and_what_is_passed_on_and_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let (request, environment) = (dir.path().join("request"), dir.path().join("environment"));
        let program = script(
            &dir,
            &format!("cat > {}; env > {}; echo all is well", request.display(), environment.display()),
        );
        let passed = ["CARGO_PKG_NAME".to_owned(), "NOT_SET_ANYWHERE".to_owned()];
        let ended = run(&program, &passed, PATIENCE).await.unwrap();
        assert_eq!((ended.status.success(), ended.said.as_str()), (true, "all is well"));
        assert_eq!(std::fs::read_to_string(request).unwrap(), r#"{"event":"stop"}"#);
        let environment = std::fs::read_to_string(environment).unwrap();
        // what a shell sets by itself is not of ours
        let own = ["PWD", "SHLVL", "_", "OLDPWD"];
        let names = environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
        let names: Vec<&str> = names.filter(|name| !own.contains(name)).collect();
        let allowed = |name: &&str| ENVIRONMENT.contains(name) || *name == "CARGO_PKG_NAME";
        assert!(names.iter().all(allowed), "{names:?}");
        assert!(names.contains(&"PATH") && names.contains(&"CARGO_PKG_NAME"), "{names:?}");
        assert!(std::env::vars().count() > names.len());
    }

    #[tokio::test]
    async fn an_exit_code_a_missing_file_and_a_long_wait_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let program = script(&dir, "yes no | head -c 1000000; yes no | head -c 1000000 >&2; exit 3");
        let failed = run(&program, &[], PATIENCE).await.unwrap();
        assert_eq!((failed.status.code(), failed.said.len() as u64), (Some(3), OUTPUT));
        let program = script(&dir, "sleep 60 & exit 0");
        run(&program, &[], PATIENCE).await.unwrap();
        let missing = run("/no/such/program", &[], PATIENCE).await.unwrap_err();
        assert!(matches!(missing, ProcessFault::NotRun { .. }), "{missing}");
        let program = script(&dir, "exec sleep 60");
        let late = run(&program, &[], Duration::from_millis(200)).await.unwrap_err();
        assert!(matches!(late, ProcessFault::TimedOut { .. }), "{late}");
    }
}
