//! Two regions: folders of this machine, or two S3 servers; the example configuration applied in each by the real
//! Terraform; the example workflow and the executor acting in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::environment;
use crate::running::{Outcome, Running};
use crate::servers::{ObjectServer as _, Versitygw};
use crate::terraform::Terraform;

/// No command of a story may take longer.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The tables of the example workflow.
pub const TABLES: [&str; 3] = ["cat.raw.bronze", "cat.stage.silver", "cat.mart.gold"];

/// One of the two regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// The primary region, active at first.
    East,
    /// The secondary region.
    West,
}

impl Region {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::East, Self::West];

    /// The short name, as in folders and buckets.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::East => "east",
            Self::West => "west",
        }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::East => "eastus2",
            Self::West => "westus2",
        }
    }
}

/// Where the regions keep their objects.
#[derive(Debug)]
enum Places {
    Folders,
    S3 { east: Versitygw, west: Versitygw },
}

/// Two regions with everything declared and nothing synced.
#[derive(Debug)]
pub struct Regions {
    folder: TempDir,
    places: Places,
    terraform: BTreeMap<&'static str, Terraform>,
}

/// What each region keeps: control documents, the lake, copies and metadata, run records.
const BUCKETS: [&str; 4] = ["control", "lake", "dr", "runs"];

impl Regions {
    /// Two regions as two folders.
    ///
    /// # Errors
    /// An apply fails.
    pub fn folders() -> Result<Self> {
        Self::apply(Places::Folders)
    }

    /// Two regions on two S3 servers, each with credentials by reference and a control store of its own.
    ///
    /// # Errors
    /// A server or an apply fails.
    pub async fn on_s3() -> Result<Self> {
        let (east, west) = (Versitygw::start()?, Versitygw::start()?);
        for (server, region) in [(&east, Region::East), (&west, Region::West)] {
            for bucket in BUCKETS {
                server.create_bucket(&format!("{bucket}-{}", region.short())).await?;
            }
        }
        Self::apply(Places::S3 { east, west })
    }

    fn apply(places: Places) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("lakedr-regions-").tempdir()?;
        let mut regions = Self { folder, places, terraform: BTreeMap::new() };
        for region in Region::BOTH {
            let mut terraform = Terraform::new()?;
            for file in ["main.tf", "variables.tf", "outputs.tf"] {
                let text =
                    std::fs::read_to_string(environment::checkout().join("examples/two-regions").join(file))?;
                terraform.write(file, &text)?;
            }
            terraform.write("terraform.tfvars", &regions.variables(region))?;
            for (name, value) in regions.credentials(region) {
                terraform.set(&name, value);
            }
            terraform.apply()?;
            regions.terraform.insert(region.short(), terraform);
        }
        Ok(regions)
    }

    fn variables(&self, region: Region) -> String {
        let side = |side: Region| {
            let (lake, location) = (self.url(side, "lake"), self.url(side, "dr"));
            let options = self.storage_options(side);
            format!(
                "{} = {{\n  region = \"{}\"\n  lake = \"{lake}\"\n  location = \"{location}\"\n{options}}}\n",
                side.short(),
                side.name()
            )
        };
        format!(
            "region = \"{}\"\ncontrol_url = \"{}\"\n{}{}runs = \"{}\"\n",
            region.name(),
            self.url(region, "control"),
            side(Region::East),
            side(Region::West),
            self.url(Region::East, "runs")
        )
    }

    fn storage_options(&self, region: Region) -> String {
        let Some(server) = self.server(region) else { return String::new() };
        let (mut plain, mut secret) = (String::new(), String::new());
        for (key, value) in server.options() {
            if key.contains("access_key") {
                let variable = variable(region, &key);
                secret.push_str(&format!("    {key} = \"env://{variable}\"\n"));
            } else {
                plain.push_str(&format!("    {key} = \"{value}\"\n"));
            }
        }
        format!("  storage_options = {{\n{plain}  }}\n  secret_options = {{\n{secret}  }}\n")
    }

    /// A region of folders is lost: whatever is asked of it fails. [`Self::recover`] brings it back as it was.
    ///
    /// # Errors
    /// It is lost already.
    pub fn lose(&self, region: Region) -> Result<()> {
        let folder = self.folder.path().join(region.short());
        std::fs::rename(&folder, folder.with_extension("lost")).context("lose a region")?;
        // a folder that is not there would be an empty region; below a file there is nothing to read or write
        std::fs::write(&folder, "lost").context("lose a region")
    }

    /// A region that was lost is back.
    ///
    /// # Errors
    /// It was not lost.
    pub fn recover(&self, region: Region) -> Result<()> {
        let folder = self.folder.path().join(region.short());
        std::fs::remove_file(&folder).context("recover a region")?;
        std::fs::rename(folder.with_extension("lost"), &folder).context("recover a region")
    }

    /// The S3 server of a region, if it has one.
    #[must_use]
    pub fn server(&self, region: Region) -> Option<&Versitygw> {
        match (&self.places, region) {
            (Places::Folders, _) => None,
            (Places::S3 { east, .. }, Region::East) => Some(east),
            (Places::S3 { west, .. }, Region::West) => Some(west),
        }
    }

    /// What a process in a region has in its environment: the secrets that the locations refer to, and the
    /// credentials of the region's own control store.
    fn credentials(&self, region: Region) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        for side in Region::BOTH {
            let Some(server) = self.server(side) else { continue };
            let secrets = server.options().into_iter().filter(|(key, _)| key.contains("access_key"));
            variables.extend(secrets.map(|(key, value)| (variable(side, &key), value)));
        }
        let own = self.server(region).map(Versitygw::options).unwrap_or_default();
        variables.extend(own.into_iter().map(|(key, value)| (key.to_uppercase(), value)));
        variables
    }

    /// The URL of one of a region's places: `control`, `lake`, `dr`, `runs`.
    #[must_use]
    pub fn url(&self, region: Region, what: &str) -> String {
        match &self.places {
            Places::Folders => {
                format!("file://{}", self.folder.path().join(region.short()).join(what).display())
            }
            Places::S3 { .. } => format!("s3://{what}-{}", region.short()),
        }
    }

    /// The folder in which one of a region's places keeps its objects, whatever serves them.
    #[must_use]
    pub fn dir(&self, region: Region, what: &str) -> PathBuf {
        match self.server(region) {
            Some(server) => server.bucket_dir(&format!("{what}-{}", region.short())),
            None => self.folder.path().join(region.short()).join(what),
        }
    }

    /// The folder of a table.
    #[must_use]
    pub fn table_dir(&self, region: Region, table: &str) -> PathBuf {
        table.split('.').fold(self.dir(region, "lake"), |dir, part| dir.join(part))
    }

    /// The root module that was applied in a region.
    ///
    /// # Errors
    /// None was.
    pub fn terraform(&self, region: Region) -> Result<&Terraform> {
        self.terraform.get(region.short()).context("a root module")
    }

    /// Starts the executor as it runs in the standby region.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_lakedr(&self, arguments: &[&str]) -> Result<Running> {
        Running::spawn(&mut self.lakedr_command(Region::West, arguments)?)
    }

    /// The executor with the control store and the credentials of a region, not started.
    ///
    /// # Errors
    /// It is not built.
    pub fn lakedr_command(&self, region: Region, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(environment::program("lakedr")?);
        command.args(arguments).stdin(Stdio::null()).env("LAKEDR_CONTROL_URL", self.url(region, "control"));
        command.env_remove("LAKEDR_REGION").envs(self.credentials(region));
        Ok(command)
    }

    /// Runs the executor to its end.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn lakedr(&self, arguments: &[&str]) -> Result<Outcome> {
        self.start_lakedr(arguments)?.wait(TIMEOUT)
    }

    /// Runs the executor, which has to end with this code, and gives its JSON document.
    ///
    /// # Errors
    /// Another code, or no JSON.
    pub fn lakedr_json(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        let outcome = self.lakedr(&[arguments, &["--output", "json"]].concat())?;
        ensure!(outcome.code == Some(code), "exit code {code} was expected: {outcome}");
        outcome.json()
    }

    /// The report of the one group of a document.
    ///
    /// # Errors
    /// As [`Self::lakedr_json`].
    pub fn group(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        Ok(self.lakedr_json(code, arguments)?["groups"][0].clone())
    }

    /// Syncs; the outcome of the one group.
    ///
    /// # Errors
    /// The sync does not end with code 0.
    pub fn sync(&self) -> Result<String> {
        let report = self.group(0, &["sync"])?;
        Ok(report["outcome"].as_str().unwrap_or_default().to_owned())
    }

    /// Marks a run, writes it with the example workflow (`stop_after` cuts it short), and marks its end if it has one.
    ///
    /// # Errors
    /// A program fails.
    pub fn run(&self, number: u32, stop_after: Option<&str>) -> Result<()> {
        self.run_in(Region::East, number, stop_after)
    }

    /// The same in any region.
    ///
    /// # Errors
    /// A program fails.
    pub fn run_in(&self, region: Region, number: u32, stop_after: Option<&str>) -> Result<()> {
        let number = number.to_string();
        self.mark("start", &number)?;
        let mut arguments = vec!["--run", number.as_str()];
        arguments.extend(stop_after.into_iter().flat_map(|step| ["--stop-after", step]));
        self.workflow(region, &arguments)?;
        if stop_after.is_none() {
            self.mark("finish", &number)?;
        }
        Ok(())
    }

    /// `lakedr mark start|finish`
    ///
    /// # Errors
    /// It fails.
    pub fn mark(&self, event: &str, run: &str) -> Result<()> {
        self.group_free(&["mark", event, "--group", "etl", "--run", run])
    }

    fn group_free(&self, arguments: &[&str]) -> Result<()> {
        let outcome = self.lakedr(arguments)?;
        ensure!(outcome.code == Some(0), "the command has to succeed: {outcome}");
        Ok(())
    }

    /// Runs the example workflow on a region's lake.
    ///
    /// # Errors
    /// It fails.
    pub fn workflow(&self, region: Region, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(environment::program("lakedr-example-workflow")?);
        command.arg("--root").arg(self.url(region, "lake")).args(arguments).stdin(Stdio::null());
        command.envs(self.credentials(region));
        let outcome = Running::spawn(&mut command)?.wait(TIMEOUT)?;
        ensure!(outcome.code == Some(0), "the workflow has to succeed: {outcome}");
        Ok(outcome.stdout)
    }

    /// Version and rows of each table of a region, as another Delta library reads them.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn counts(&self, region: Region) -> Result<Value> {
        Ok(serde_json::from_str(&self.workflow(region, &["--count"])?)?)
    }

    /// Rows of each table of a region, as another Delta library counts them.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn rows(&self, region: Region) -> Result<BTreeMap<String, u64>> {
        let counts = self.counts(region)?;
        let tables = counts.as_object().context("row counts")?;
        tables
            .iter()
            .map(|(name, table)| Ok((name.clone(), table["rows"].as_u64().context("a row count")?)))
            .collect()
    }
}

fn variable(region: Region, key: &str) -> String {
    format!("{}_{key}", region.short()).to_uppercase()
}

/// Every file below a folder with its content, for "nothing was changed".
///
/// # Errors
/// A file cannot be read.
pub fn contents(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path)?;
                found.insert(path, bytes);
            }
        }
    }
    Ok(found)
}
