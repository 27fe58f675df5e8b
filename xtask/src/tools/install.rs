//! Installs what is not there yet, side by side.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};

use super::{azurite, go, prerequisite, python, rclone, spark_jars, terraform};
use crate::{console, paths, process};

/// Installs one tool, over whatever an earlier try left behind.
type Install = Box<dyn Fn(&Job) -> Result<()> + Send + Sync>;

/// One thing to install under `target/tools`.
pub(crate) struct Tool {
    /// What it is called in progress lines, stamps and logs.
    pub(super) name: String,
    /// The file or folder that is there once it is installed, relative to `target/tools`.
    pub(super) makes: PathBuf,
    /// The programs it is installed or run with.
    pub(super) needs: Vec<prerequisite::Prerequisite>,
    /// The text that fixes its version: a changed pin installs it anew.
    pub(super) pin: String,
    /// How it is installed.
    pub(super) install: Install,
}

/// Where the tests find what was installed.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    /// Terraform or OpenTofu.
    pub(crate) terraform: PathBuf,
}

/// One installation under way: where it installs to, and its log.
pub(crate) struct Job {
    tools: PathBuf,
    log: PathBuf,
}

impl Job {
    /// `target/tools`.
    pub(super) fn tools(&self) -> &Path {
        &self.tools
    }

    /// A folder under `target/tools`, with nothing in it.
    pub(super) fn emptied(&self, name: &str) -> Result<PathBuf> {
        let dir = self.tools.join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
        }
        std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        Ok(dir)
    }

    /// Runs a step of the installation; its output goes to the log.
    pub(super) fn run(&self, command: &mut Command) -> Result<()> {
        process::run_logged(command, &self.log)
    }
}

/// Installs Terraform alone, where the machine has none.
pub(crate) fn install_terraform() -> Result<PathBuf> {
    let (terraform, built) = terraform::choose()?;
    install(built.into_iter().collect(), &[])?;
    Ok(terraform)
}

/// Installs what the benches run beside lakedr.
pub(crate) fn install_for_benches() -> Result<Installed> {
    let (terraform, built) = terraform::choose()?;
    let mut tools = go::installed()?;
    tools.push(go::built(go::Build {
        module: "s5cmd",
        package: "github.com/peak/s5cmd/v2",
        program: "s5cmd",
        set: &[],
    })?);
    tools.push(go::built(go::Build {
        module: "framework-provider",
        package: ".",
        program: "terraform-provider-peer",
        set: &[],
    })?);
    tools.extend([python::tool()?, rclone::tool()]);
    tools.extend(built);
    install(tools, &[])?;
    Ok(Installed { terraform })
}

/// Installs what the tests need, each tool whose stamp does not carry its pin.
pub(crate) fn install_all() -> Result<Installed> {
    let (terraform, _) = terraform::choose()?;
    let mut tools = go::installed()?;
    tools.push(go::built(go::Build { module: "fake-gcs", package: ".", program: "fake-gcs", set: &[] })?);
    tools.extend([terraform::newest()?, terraform::opentofu()?]);
    tools.extend([azurite::tool()?, python::tool()?, spark_jars::tool()?]);
    tools.extend([python::airflow(2)?, python::airflow(3)?]);
    install(tools, &[prerequisite::ZSTD, prerequisite::SSH_KEYGEN])?;
    Ok(Installed { terraform })
}

fn install(tools: Vec<Tool>, also: &[prerequisite::Prerequisite]) -> Result<()> {
    let root = paths::tools();
    for dir in ["bin", "stamps", "logs"] {
        std::fs::create_dir_all(root.join(dir)).with_context(|| format!("create {dir} in target/tools"))?;
    }
    let needs = tools.iter().flat_map(|tool| &tool.needs).chain(also).copied();
    prerequisite::check(&needs.collect::<Vec<_>>())?;
    let missing: Vec<Tool> = tools.into_iter().filter(|tool| !is_installed(&root, tool)).collect();
    install_side_by_side(&root, &missing)
}

fn install_side_by_side(root: &Path, tools: &[Tool]) -> Result<()> {
    std::thread::scope(|scope| {
        let running: Vec<_> = tools.iter().map(|tool| scope.spawn(|| install_one(root, tool))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("an installation panicked"))?)
            .fold(Ok(()), Result::and)
    })
}

fn install_one(root: &Path, tool: &Tool) -> Result<()> {
    let start = Instant::now();
    console::say(&format!("tools: installing {}", tool.name));
    let log = root.join("logs").join(format!("{}.log", tool.name));
    std::fs::write(&log, "").with_context(|| format!("start the log {}", log.display()))?;
    let job = Job { tools: root.to_path_buf(), log };
    (tool.install)(&job).with_context(|| format!("install {}", tool.name))?;
    let stamp = stamp(root, tool);
    std::fs::write(&stamp, &tool.pin).with_context(|| format!("write {}", stamp.display()))?;
    console::say(&format!("tools: {} is there ({})", tool.name, console::duration(start.elapsed())));
    Ok(())
}

fn is_installed(root: &Path, tool: &Tool) -> bool {
    root.join(&tool.makes).exists()
        && std::fs::read_to_string(stamp(root, tool)).is_ok_and(|stamped| stamped == tool.pin)
}

fn stamp(root: &Path, tool: &Tool) -> PathBuf {
    root.join("stamps").join(&tool.name)
}
