//! Child processes: run with their output shown, or with their output kept in a log.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// How many lines of a log are shown when a command failed.
const TAIL: usize = 30;

/// The command as a developer would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Runs a command whose output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", line(command));
    }
    Ok(())
}

/// Runs a command whose output is appended to `log`; the end of it is part of the error.
pub(crate) fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("open the log {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .with_context(|| format!("start `{}`", line(command)))?;
    if !status.success() {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        bail!("`{}` ended with {status}; {} ends with\n{}", line(command), log.display(), tail(&text));
    }
    Ok(())
}

/// What a command writes to stdout; its stderr goes where ours goes.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start `{}`", line(command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}", line(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("read the output of `{}`", line(command)))
}

/// The first program of this name on the `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|candidate| candidate.is_file())
}

/// `cargo`, the one that runs us, in the checkout's root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(crate::paths::root());
    // what `cargo run` says of xtask is taken by build scripts for a change of theirs, and much is compiled again
    let said_of_xtask = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(said_of_xtask) {
            command.env_remove(name);
        }
    }
    command
}

/// A cargo command over the whole workspace, always with the same selection of crates and features: another one
/// would unify features differently and compile dependencies again.
pub(crate) fn cargo_all(verb: &str) -> Command {
    cargo(&[verb, "--workspace", "--all-features", "--locked"])
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("go");
        command.args(["install", "x@v1"]);
        assert_eq!(line(&command), "go install x@v1");
    }

    #[test]
    fn a_failure_carries_the_end_of_the_log() {
        let log = std::env::temp_dir().join(format!("xtask-{}.log", std::process::id()));
        let error = run_logged(Command::new("sh").args(["-c", "echo why; exit 3"]), &log).unwrap_err();
        std::fs::remove_file(&log).unwrap();
        let text = error.to_string();
        assert!(text.contains("exit status: 3") && text.ends_with("why"), "{text}");
    }

    #[test]
    fn a_missing_program_is_none() {
        assert_eq!(find("no-such-program-anywhere"), None);
        assert!(find("sh").is_some());
    }
}
