//! The steps of `cargo xtask test` and their order.

use std::io::Write as _;
use std::process::Command;

use anyhow::{Result, anyhow, bail, ensure};

use super::cargo_test;
use super::report::{Report, Tally};
use super::targets::{self, Targets};
use crate::tools::{self, Installed};
use crate::{console, docs, paths, process};

/// The hosts beside the Terraform of the machine, and the rings that run under them: those in which a host itself does the
/// work. What the newest Terraform has more than the one of the machine is in one ring.
const HOSTS: [(&str, &str, &[&str]); 2] = [
    ("newest Terraform", "bin/terraform", &["provider"]),
    ("OpenTofu", "bin/tofu", &["examples", "protocol", "provider", "release"]),
];

/// Arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this ring (a test binary of the crate lakedr-e2e), and what it needs
    #[arg(long, value_name = "RING")]
    only: Option<String>,
    /// Only the tests whose name contains this; with --only
    #[arg(long, value_name = "TEXT", requires = "only")]
    filter: Option<String>,
}

/// Runs the steps, stops at the first that fails, and says what ran.
///
/// # Errors
/// The first failure; the summary is printed all the same.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut report = Report::default();
    let result = match &args.only {
        Some(ring) => one_ring(&mut report, ring, args.filter.as_deref()),
        None => everything(&mut report),
    };
    console::say(&format!("\n{}", report.table()));
    drop(writeln!(std::io::stdout().lock(), "{}", report.closing_line()));
    result
}

fn everything(report: &mut Report) -> Result<()> {
    let targets = targets::list()?;
    check_golden()?;
    report.step("format", |_| process::run(&mut process::cargo(&["fmt", "--all", "--check"])))?;
    let installed = std::thread::scope(|scope| {
        // downloads and compilers wait for different things, so the tools are installed meanwhile
        let installing = scope.spawn(tools::install_all);
        report.step("clippy", |_| {
            process::run(process::cargo_all("clippy").args(["--all-targets", "--", "--deny", "warnings"]))
        })?;
        report.step("build", |_| build())?;
        report.step("tools", |_| installing.join().map_err(|_| anyhow!("the installation panicked"))?)
    })?;
    report.step("workflows", |_| check_workflows())?;
    report.step("docs", |_| docs::check(&installed.terraform))?;
    report.step("unit tests", |tally| unit_tests(&targets, tally))?;
    report.step("doc tests", |tally| cargo_test::run(process::cargo_all("test").arg("--doc"), tally))?;
    for ring in &targets.rings {
        report.step(&format!("ring {ring}"), |tally| run_ring(&installed, ring, None, tally))?;
    }
    for (name, program, rings) in HOSTS {
        let host = Installed { terraform: paths::tools().join(program) };
        for ring in rings.iter().filter(|_| host.terraform != installed.terraform) {
            let step = format!("ring {ring}, {name}");
            report.step(&step, |tally| run_ring(&host, ring, None, tally))?;
        }
    }
    Ok(())
}

fn one_ring(report: &mut Report, ring: &str, filter: Option<&str>) -> Result<()> {
    let rings = targets::list()?.rings;
    if !rings.iter().any(|known| known == ring) {
        bail!("there is no ring `{ring}`; the rings are {}", rings.join(", "));
    }
    let installed = tools::install_all()?;
    report.step("build", |_| build())?;
    report.step(&format!("ring {ring}"), |tally| run_ring(&installed, ring, filter, tally))
}

fn build() -> Result<()> {
    process::run(process::cargo_all("build").args(["--bins", "--examples"]))
}

fn unit_tests(targets: &Targets, tally: &mut Tally) -> Result<()> {
    let mut command = process::cargo_all("test");
    command.args(["--lib", "--bins"]);
    for name in &targets.others {
        command.args(["--test", name]);
    }
    cargo_test::run(&mut command, tally)
}

fn run_ring(installed: &Installed, ring: &str, filter: Option<&str>, tally: &mut Tally) -> Result<()> {
    let mut command = process::cargo_all("test");
    command
        .args(["--test", ring])
        .env("LAKEDR_BIN_DIR", paths::bin_dir())
        .env("LAKEDR_TOOLS", paths::tools())
        .env("LAKEDR_GOLDEN", paths::golden())
        .env("LAKEDR_TERRAFORM", &installed.terraform);
    if let Some(filter) = filter {
        command.args(["--", filter]);
    }
    cargo_test::run(&mut command, tally)?;
    ensure!(tally.passed > 0, "the ring `{ring}` ran no test");
    Ok(())
}

/// The workflows of the forge. The linters of scripts that a machine may have are left out: the answer is the same everywhere.
fn check_workflows() -> Result<()> {
    let mut lint = Command::new(paths::tools().join("bin/actionlint"));
    process::run(lint.args(["-shellcheck=", "-pyflakes="]).current_dir(paths::root()))
}

fn check_golden() -> Result<()> {
    let archive = paths::golden().join("tables.tar.zst");
    ensure!(
        archive.is_file(),
        "the golden tables are not at {}: set LAKEDR_GOLDEN to the folder that holds tables.tar.zst",
        archive.display()
    );
    Ok(())
}
