//! The one place where the executor starts a process: the executable of a hook.
//!
//! It gets the request on its standard input, `PATH` and `HOME`, and nothing else of the environment, which holds the
//! secrets of lakedr. What it writes goes to the log of this process, shortened, and into no document.

use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::fault::ServiceFault;

/// What is kept of what an executable writes.
const OUTPUT: u64 = 4_096;

/// How long it is listened to after its end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Variables that it gets.
const ENVIRONMENT: [&str; 2] = ["PATH", "HOME"];

/// Runs an executable to its end, or to the end of patience: then it is killed.
pub(super) async fn run(command: &str, request: &[u8], patience: Duration) -> Result<(), ServiceFault> {
    let mut prepared = Command::new(command);
    prepared.env_clear();
    prepared.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    prepared.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let not_run = |cause| ServiceFault::NotRun { command: command.to_owned(), cause };
    let mut child = prepared.spawn().map_err(not_run)?;
    let ended = timeout(patience, converse(&mut child, request)).await;
    let Ok(ended) = ended else {
        // it may have gone meanwhile
        let _ = child.kill().await;
        return Err(ServiceFault::TimedOut { seconds: patience.as_secs() });
    };
    let (status, said) = ended.map_err(not_run)?;
    if !said.is_empty() {
        tracing::info!("{command} says: {said}");
    }
    if status.success() { Ok(()) } else { Err(ServiceFault::Failed { command: command.to_owned(), status }) }
}

async fn converse(child: &mut Child, request: &[u8]) -> Result<(ExitStatus, String), std::io::Error> {
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let tell = async {
        if let Some(mut stdin) = stdin {
            // one that does not care to read is not wrong
            let _ = stdin.write_all(request).await;
        }
    };
    let mut said = Vec::new();
    let status = {
        let mut end = pin!(async { tokio::join!(tell, child.wait()).1 });
        let mut hear = pin!(beginning(stderr, &mut said));
        tokio::select! {
            status = &mut end => {
                // what it left running may hold the other end for long
                let _ = timeout(LAST_WORDS, hear).await;
                status?
            }
            () = &mut hear => end.await?,
        }
    };
    Ok((status, String::from_utf8_lossy(&said).trim().to_owned()))
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
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn script(dir: &tempfile::TempDir, text: &str) -> String {
        let path = dir.path().join("hook");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path.display().to_string()
    }

    #[tokio::test]
    async fn it_gets_the_request_and_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let (request, environment) = (dir.path().join("request"), dir.path().join("environment"));
        let hook = script(&dir, &format!("cat > {}; env > {}", request.display(), environment.display()));
        run(&hook, br#"{"event":"stop"}"#, Duration::from_secs(30)).await.unwrap();
        assert_eq!(std::fs::read_to_string(request).unwrap(), r#"{"event":"stop"}"#);
        let environment = std::fs::read_to_string(environment).unwrap();
        // what a shell sets by itself is not of ours
        let own = ["PWD", "SHLVL", "_", "OLDPWD"];
        let names = environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
        let names: Vec<&str> = names.filter(|name| !own.contains(name)).collect();
        assert!(names.iter().all(|name| ENVIRONMENT.contains(name)), "{names:?}");
        assert!(names.contains(&"PATH") && std::env::vars().count() > names.len());
    }

    #[tokio::test]
    async fn an_exit_code_a_missing_file_and_a_long_wait_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let hook = script(&dir, "yes no | head -c 1000000 >&2; exit 3");
        let failed = run(&hook, b"{}", Duration::from_secs(30)).await.unwrap_err();
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
        let hook = script(&dir, "sleep 60 & exit 0");
        run(&hook, b"{}", Duration::from_secs(30)).await.unwrap();
        let missing = run("/no/such/hook", b"{}", Duration::from_secs(30)).await.unwrap_err();
        assert!(matches!(missing, ServiceFault::NotRun { .. }), "{missing}");
        let hook = script(&dir, "exec sleep 60");
        let late = run(&hook, b"{}", Duration::from_millis(200)).await.unwrap_err();
        assert!(matches!(late, ServiceFault::TimedOut { .. }), "{late}");
    }
}
