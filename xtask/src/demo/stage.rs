//! The two regions of the demo, and the programs that act in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{console, paths, process};

/// The one configuration that is applied in both regions.
const EXAMPLE: &str = "examples/two-regions";

/// The regions, and where their folders are.
pub(super) const EAST: (&str, &str) = ("east", "eastus2");
/// The region that fails over to.
pub(super) const WEST: (&str, &str) = ("west", "westus2");

/// Folders and programs of one run of the demo.
pub(super) struct Stage {
    root: PathBuf,
    terraform: PathBuf,
}

impl Stage {
    /// Two empty regions below `target/demo`.
    pub(super) fn set(terraform: PathBuf) -> Result<Self> {
        let root = paths::target().join("demo");
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("remove {}", root.display()))?;
        }
        let stage = Self { root, terraform };
        for (name, region) in [EAST, WEST] {
            stage.write_root_module(name, region)?;
        }
        let overrides = format!(
            "provider_installation {{\n  dev_overrides {{ \"registry.terraform.io/lakedr/lakedr\" = \"{}\" }}\n  direct {{}}\n}}\n",
            paths::bin_dir().display()
        );
        fs::write(stage.root.join("cli.tfrc"), overrides)?;
        Ok(stage)
    }

    fn write_root_module(&self, name: &str, region: &str) -> Result<()> {
        let folder = self.root.join("terraform").join(name);
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(paths::root().join(EXAMPLE))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tf") {
                fs::copy(&path, folder.join(path.file_name().unwrap_or_default()))?;
            }
        }
        let side = |(name, region): (&str, &str)| {
            let (lake, location) = (self.url(name, "lake"), self.url(name, "dr"));
            format!("{name} = {{ region = \"{region}\", lake = \"{lake}\", location = \"{location}\" }}\n")
        };
        let control = self.url(name, "control");
        let (runs, secondary) = (self.url(EAST.0, "runs"), self.url(WEST.0, "runs"));
        let variables = format!(
            "region = \"{region}\"\ncontrol_url = \"{control}\"\n{}{}runs = \"{runs}\"\nruns_secondary = \"{secondary}\"\n",
            side(EAST),
            side(WEST)
        );
        Ok(fs::write(folder.join("terraform.tfvars"), variables)?)
    }

    /// Folder of the demo.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn url(&self, region: &str, what: &str) -> String {
        format!("file://{}", self.root.join(region).join(what).display())
    }

    /// Runs terraform in the root module of a region, and shows the last lines of what it says.
    pub(super) fn terraform(&self, region: &str, arguments: &[&str], shown: usize) -> Result<()> {
        let mut command = Command::new(&self.terraform);
        command
            .args(arguments)
            .arg("-no-color")
            .current_dir(self.root.join("terraform").join(region))
            .env("TF_CLI_CONFIG_FILE", self.root.join("cli.tfrc"))
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1");
        show_command(&format!("terraform {}", arguments.join(" ")), &format!("in {region}"));
        let text = process::capture(&mut command)?;
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        show(&lines[lines.len().saturating_sub(shown)..].join("\n"));
        Ok(())
    }

    /// Runs the executor as it runs in the standby region, and shows what it says.
    pub(super) fn lakedr(&self, arguments: &[&str]) -> Result<()> {
        show_command(&format!("lakedr {}", arguments.join(" ")), "");
        let text = process::capture(self.executor().args(arguments))?;
        show(text.trim_end());
        Ok(())
    }

    /// Runs the executor and gives its one JSON document, unseen.
    pub(super) fn lakedr_json(&self, arguments: &[&str]) -> Result<Value> {
        let text = process::capture(self.executor().args(arguments).args(["--output", "json"]))?;
        serde_json::from_str(&text).context("read what lakedr says")
    }

    fn executor(&self) -> Command {
        let mut command = Command::new(paths::bin_dir().join("lakedr"));
        command
            .env("LAKEDR_REGION", WEST.1)
            .env("LAKEDR_CONTROL_URL", self.url(WEST.0, "control"))
            .env("LAKEDR_OTHER_CONTROL_URL", self.url(EAST.0, "control"));
        command
    }

    /// A region is lost: whatever is asked of its folder fails, until it is [recovered](Self::recover).
    pub(super) fn lose(&self, region: &str) -> Result<()> {
        let folder = self.root.join(region);
        fs::rename(&folder, folder.with_extension("lost"))?;
        // a folder that is not there would be an empty region
        fs::write(&folder, "lost").context("lose a region")
    }

    /// A region that was lost is back.
    pub(super) fn recover(&self, region: &str) -> Result<()> {
        let folder = self.root.join(region);
        fs::remove_file(&folder)?;
        fs::rename(folder.with_extension("lost"), &folder).context("recover a region")
    }

    /// Runs the example workflow on the lake of a region.
    pub(super) fn workflow(&self, region: &str, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(paths::bin_dir().join("lakedr-example-workflow"));
        command.arg("--root").arg(self.root.join(region).join("lake")).args(arguments);
        let note = format!("writes the tables of the {region} region");
        show_command(&format!("workflow {}", arguments.join(" ")), &note);
        process::capture(&mut command).map(drop)
    }

    /// Rows of each table of a region, counted from its data files by another Delta library than lakedr's own.
    pub(super) fn rows(&self, region: &str) -> Result<Value> {
        let mut command = Command::new(paths::bin_dir().join("lakedr-example-workflow"));
        command.arg("--root").arg(self.root.join(region).join("lake")).arg("--count");
        let counted: Value = serde_json::from_str(&process::capture(&mut command)?)?;
        let tables = counted.as_object().context("row counts")?;
        ensure!(tables.values().all(|table| table["rows"].is_u64()), "a table has no row count: {counted}");
        Ok(tables.iter().map(|(name, table)| (name.clone(), table["rows"].clone())).collect())
    }
}

/// Says what happens next.
pub(super) fn chapter(title: &str, why: &str) {
    console::say(&format!("\n── {title}\n   {why}"));
}

fn show_command(line: &str, note: &str) {
    let note = if note.is_empty() { String::new() } else { format!("   # {note}") };
    console::say(&format!("   $ {line}{note}"));
}

/// Shows something indented.
pub(super) fn show(text: &str) {
    for line in text.lines() {
        console::say(&format!("     {line}"));
    }
}
