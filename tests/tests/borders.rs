//! The borders that the design draws, held by a machine: who may depend on whom, which code decides without
//! touching anything, how long a file may be, and which tests the documentation may name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use lakedr_e2e::environment::checkout;

/// A file longer than this needs a good reason.
const DISCUSS: usize = 400;
/// A file longer than this is not accepted.
const END: usize = 600;

/// Folders whose code takes and returns plain values.
const PURE: [&str; 9] = [
    "control/src",
    "executor/src/cut",
    "executor/src/plan",
    "executor/src/delta",
    "executor/src/hcl",
    "executor/src/prune/keep",
    "executor/src/notify/news",
    "executor/src/record/metadata/rows",
    "executor/src/services/decide.rs",
];
/// The part of them that acts.
const ACTING: [&str; 6] = [
    "control/src/snapshots/store.rs",
    "control/src/store",
    "control/src/group_log/log.rs",
    "control/src/group_log/log",
    "control/src/service",
    "control/src/vault",
];
/// What gives acting code away.
const FORBIDDEN: [&str; 6] = ["async fn", "tokio", "SystemTime::now", "Instant::now", "Utc::now", "std::env"];

/// Known defects of other systems: how many there are in each part of the list.
const DEFECTS: [(&str, u32); 4] = [("C1", 25), ("C2", 8), ("C3", 17), ("C4", 9)];

/// The crates that a crate is built from, one `name version` a line; dev-dependencies are not among them.
fn dependencies(of: &str, features: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["tree", "--offline", "--locked", "--prefix", "none", "--edges", "normal,build"]);
    let output = command.args(["--package", of]).args(features).current_dir(checkout()).output()?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout)?;
    let names: Vec<String> =
        lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    ensure!(
        names.first().is_some_and(|first| first == of),
        "cargo tree of {of} begins with {:?}",
        names.first()
    );
    Ok(names)
}

fn without(of: &str, features: &[&str], forbidden: &[&str]) -> Result<()> {
    let found = dependencies(of, features)?;
    for name in forbidden {
        ensure!(!found.iter().any(|found| found == name), "{of} {features:?} depends on {name}");
    }
    Ok(())
}

#[test]
fn the_shared_documents_need_no_runtime_and_no_network() -> Result<()> {
    without(
        "lakedr-control",
        &["--no-default-features"],
        &["tokio", "tonic", "object_store", "reqwest", "hyper"],
    )
}

#[test]
fn the_same_check_sees_the_store_when_its_feature_is_on() -> Result<()> {
    let found = dependencies("lakedr-control", &["--features", "object-store"])?;
    ensure!(found.iter().any(|name| name == "object_store"), "cargo tree does not show what it should");
    Ok(())
}

#[test]
fn provider_and_executor_do_not_know_each_other() -> Result<()> {
    without("terraform-provider-lakedr", &[], &["lakedr", "lakedr-e2e"])?;
    without("lakedr", &[], &["terraform-provider-lakedr", "tfplugin", "lakedr-e2e"])?;
    without("lakedr-control", &["--all-features"], &["lakedr", "terraform-provider-lakedr", "tfplugin"])
}

/// All Rust files below a folder, or the one that is named.
fn rust_files(dir: &Path) -> Result<Vec<PathBuf>> {
    if dir.is_file() {
        return Ok(vec![dir.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

/// The lines of a file before its unit tests.
fn code(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().take_while(|line| line.trim() != "#[cfg(test)]").map(str::to_owned).collect())
}

#[test]
fn files_are_short() -> Result<()> {
    let mut lengths = Vec::new();
    for dir in ["proto/src", "control/src", "provider/src", "executor/src", "examples", "xtask/src"] {
        for file in rust_files(&checkout().join(dir))?.into_iter().filter(|file| !is_test_file(file)) {
            lengths.push((code(&file)?.len(), file));
        }
    }
    lengths.sort();
    for (lines, file) in lengths.iter().filter(|(lines, _)| *lines > DISCUSS) {
        println!("{} has {lines} lines without its tests: can it be two files?", file.display());
    }
    let (median, _) = &lengths[lengths.len() / 2];
    println!("{} files, median {median} lines", lengths.len());
    let too_long: Vec<_> = lengths.iter().filter(|(lines, _)| *lines > END).collect();
    ensure!(too_long.is_empty(), "over {END} lines: {too_long:?}");
    Ok(())
}

/// The only file that may start a process: what an operator declared or gave, with an environment of two variables and those
/// that he passes on by name.
const STARTS_A_PROCESS: &str = "executor/src/process.rs";

/// A secret that a process holds cannot reach another one: executor and provider start none, but for
/// [`STARTS_A_PROCESS`].
#[test]
fn no_process_is_started() -> Result<()> {
    let mut found = Vec::new();
    for dir in ["control/src", "executor/src", "provider/src"] {
        for file in rust_files(&checkout().join(dir))?.iter().filter(|file| !is_test_file(file)) {
            let lines = code(file)?.into_iter();
            let starts =
                lines.filter(|line| line.contains("process::Command") || line.contains("Command::new("));
            if !file.ends_with(STARTS_A_PROCESS) {
                found.extend(starts.map(|line| format!("{}: {line}", file.display())));
            }
        }
    }
    ensure!(found.is_empty(), "a process is started:\n{}", found.join("\n"));
    Ok(())
}

#[test]
fn deciding_code_touches_nothing() -> Result<()> {
    let acting = ACTING.map(|dir| checkout().join(dir));
    let mut found = Vec::new();
    for dir in PURE {
        let files = rust_files(&checkout().join(dir))?;
        ensure!(!files.is_empty(), "{dir} is empty: the list of pure folders is out of date");
        for file in
            files.iter().filter(|file| !is_test_file(file) && !acting.iter().any(|dir| file.starts_with(dir)))
        {
            for (number, line) in code(file)?.iter().enumerate() {
                let told = line.split("//").next().unwrap_or(line);
                found.extend(
                    FORBIDDEN
                        .iter()
                        .filter(|word| told.contains(*word))
                        .map(|word| format!("{}:{}: {word}", file.display(), number + 1)),
                );
            }
        }
    }
    ensure!(found.is_empty(), "code that decides may not act:\n{}", found.join("\n"));
    Ok(())
}

/// The words of a name that stands between back-quotes; a test has at least four of them, unlike an attribute.
fn names_a_test(quoted: &str) -> bool {
    let word =
        |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) && !word.is_empty();
    quoted.split('_').all(word) && quoted.split('_').count() >= 4
}

/// `C1.8` of `c1_08_subsecond_end`.
fn row_of(test: &str) -> Option<String> {
    let (part, rest) = test.strip_prefix('c')?.split_once('_')?;
    let (row, _) = rest.split_once('_')?;
    let two_digits = row.len() == 2 && part.len() == 1;
    let (part, row): (u32, u32) = (part.parse().ok()?, row.parse().ok()?);
    two_digits.then(|| format!("C{part}.{row}"))
}

/// The tests that each row of a page names; rows begin with what `is_row` says.
fn named_by_rows(page: &str, is_row: fn(char) -> bool) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let page = std::fs::read_to_string(checkout().join(page))?;
    let mut rows = BTreeMap::new();
    let begins = |line: &&str| line.strip_prefix("| ").is_some_and(|row| row.starts_with(is_row));
    for line in page.lines().filter(begins) {
        let row = line.split('|').nth(1).unwrap_or_default().trim().to_owned();
        let tests = line.split('`').skip(1).step_by(2).filter(|quoted| names_a_test(quoted));
        let known = rows.insert(row.clone(), tests.map(str::to_owned).collect());
        ensure!(known.is_none(), "{row} stands there twice");
    }
    Ok(rows)
}

/// Whether the rows are exactly those that are known.
fn are_these(rows: &BTreeMap<String, BTreeSet<String>>, known: impl Iterator<Item = String>) -> Result<()> {
    let (told, known): (BTreeSet<String>, BTreeSet<String>) =
        (rows.keys().cloned().collect(), known.collect());
    ensure!(told == known, "rows differ: {:?}", told.symmetric_difference(&known).collect::<Vec<_>>());
    Ok(())
}

/// What rows name that is no test.
fn no_tests(rows: &BTreeMap<String, BTreeSet<String>>, tests: &BTreeSet<String>) -> Vec<String> {
    let names = rows.iter().flat_map(|(row, named)| named.iter().map(move |name| (row, name)));
    let gone = names.filter(|(_, name)| !tests.contains(*name));
    gone.map(|(row, name)| format!("{row} names {name}, which is no test")).collect()
}

/// The names of all functions that are tests.
fn tests() -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for dir in ["control", "provider", "executor", "tests"] {
        for file in rust_files(&checkout().join(dir))? {
            let text = std::fs::read_to_string(file)?;
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                let name =
                    line.trim_start_matches("pub(crate) ").trim_start_matches("async ").strip_prefix("fn ");
                match name.and_then(|rest| rest.split(['(', '<']).next()) {
                    Some(name) if marked => drop(found.insert(name.to_owned())),
                    _ => {}
                }
                marked = line.starts_with("#[test]")
                    || line.starts_with("#[tokio::test")
                    || (marked && line.starts_with("#["));
            }
        }
    }
    Ok(found)
}

#[test]
fn every_known_defect_has_a_test_and_every_such_test_its_row() -> Result<()> {
    let (rows, tests) = (named_by_rows("docs/selection.md", |c| c == 'C')?, tests()?);
    let known = DEFECTS.iter().flat_map(|(part, rows)| (1..=*rows).map(move |row| format!("{part}.{row}")));
    are_these(&rows, known)?;
    let mut wrong = no_tests(&rows, &tests);
    for test in &tests {
        let Some(row) = row_of(test) else { continue };
        if !rows.get(&row).is_some_and(|named| named.contains(test)) {
            wrong.push(format!("{test} is not in the row {row}"));
        }
    }
    ensure!(wrong.is_empty(), "docs/selection.md:\n{}", wrong.join("\n"));
    Ok(())
}

/// What Overwatch's backups and snapshots do.
const OF_OVERWATCH: u32 = 34;

#[test]
fn every_row_of_overwatch_has_a_test_or_a_sentence() -> Result<()> {
    const PAGE: &str = "docs/coming-from-overwatch.md";
    let (rows, tests) = (named_by_rows(PAGE, |c| c == 'A')?, tests()?);
    are_these(&rows, (1..=OF_OVERWATCH).map(|row| format!("A0.{row}")))?;
    let mut wrong = no_tests(&rows, &tests);
    let page = std::fs::read_to_string(checkout().join(PAGE))?;
    for line in page.lines().filter(|line| line.starts_with("| A")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.len() != 5 || cells[1..4].iter().any(|cell| cell.is_empty()) {
            wrong.push(format!("a row lacks something: {line}"));
        }
    }
    ensure!(wrong.is_empty(), "{PAGE}:\n{}", wrong.join("\n"));
    Ok(())
}

/// The rows of a page, each of which names a test, and every test that the page names exists.
fn rows_with_tests(page: &str, is_row: fn(char) -> bool) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let (rows, tests) = (named_by_rows(page, is_row)?, tests()?);
    let untested: Vec<_> = rows.iter().filter(|(_, named)| named.is_empty()).map(|(row, _)| row).collect();
    ensure!(untested.is_empty(), "{page} names no test for {untested:?}");
    let text = std::fs::read_to_string(checkout().join(page))?;
    let named = text.split('`').skip(1).step_by(2).filter(|quoted| names_a_test(quoted));
    let gone: Vec<&str> = named.filter(|name| !tests.contains(*name)).collect();
    ensure!(gone.is_empty(), "{page} names what is no test: {gone:?}");
    Ok(rows)
}

/// Points that Terraform demands of a provider.
const POINTS: u32 = 50;

#[test]
fn every_demand_of_terraform_has_a_test_that_exists() -> Result<()> {
    let rows = rows_with_tests("docs/provider-conformance.md", |c| c.is_ascii_digit())?;
    are_these(&rows, (1..=POINTS).map(|point| point.to_string()))
}

#[test]
fn every_promise_has_tests_that_exist() -> Result<()> {
    let told = rows_with_tests("docs/promises.md", |c| c == 'P')?;
    ensure!(told.len() > 10, "the promises are gone: {told:?}");
    Ok(())
}
