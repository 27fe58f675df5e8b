//! Runs `cargo test`, shows what it says, and counts what it ran.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::report::Tally;
use crate::process;

/// Runs a `cargo test` command; an ignored test is a failure, because nobody would notice it.
pub(super) fn run(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let line = process::line(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start `{line}`"))?;
    if let Some(stdout) = child.stdout.take() {
        *tally = tally.plus(relay(BufReader::new(stdout), &mut std::io::stdout().lock())?);
    }
    let status = child.wait().with_context(|| format!("wait for `{line}`"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    none_ignored(*tally)
}

fn none_ignored(tally: Tally) -> Result<()> {
    ensure!(
        tally.ignored == 0,
        "ignored tests: {}; a test that does not run is a failure, fix or remove it",
        tally.ignored
    );
    Ok(())
}

/// Passes lines on and sums the result lines among them.
fn relay(lines: impl BufRead, out: &mut impl Write) -> Result<Tally> {
    let mut sum = Tally::default();
    for line in lines.split(b'\n') {
        let line = line.context("read the output of cargo test")?;
        let text = String::from_utf8_lossy(&line);
        // a reader that went away is no reason to stop counting
        drop(writeln!(out, "{text}"));
        sum = sum.plus(parse(&text).unwrap_or_default());
    }
    Ok(sum)
}

/// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; …`.
fn parse(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |what: &str| {
        let part = counts.split("; ").find(|part| part.ends_with(what))?;
        part.split(' ').next()?.parse().ok()
    };
    Some(Tally { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_other_lines_are_not() {
        let output = "running 3 tests\n\
            test a ... ok\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.01s\n\
            test result: FAILED. 5 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2s\n";
        let mut shown = Vec::new();
        let sum = relay(output.as_bytes(), &mut shown).unwrap();
        assert_eq!(sum, Tally { passed: 7, failed: 1, ignored: 1 });
        assert_eq!(String::from_utf8(shown).unwrap(), output);
    }

    #[test]
    fn an_ignored_test_is_a_failure() {
        assert!(none_ignored(Tally { passed: 2, ..Tally::default() }).is_ok());
        let error = none_ignored(Tally { passed: 2, failed: 0, ignored: 1 }).unwrap_err().to_string();
        assert!(error.starts_with("ignored tests: 1"), "{error}");
    }
}
