//! The real Terraform (or OpenTofu) with the built provider, in a folder of its own.
//!
//! The provider is found through `dev_overrides`, so no `terraform init` is needed and no registry is asked.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::environment;
use crate::running::{Outcome, Running};

/// The `terraform` block that every configuration of the provider starts with.
pub const REQUIRED_PROVIDERS: &str = r#"
terraform {
  required_providers {
    lakedr = { source = "registry.terraform.io/lakedr/lakedr" }
  }
}
"#;

/// No command of a story may take longer.
const TIMEOUT: Duration = Duration::from_secs(120);
const CLI_CONFIG: &str = "cli.tfrc";

/// A root module and the environment in which its commands run. Dropping it removes the folder.
#[derive(Debug)]
pub struct Terraform {
    program: PathBuf,
    folder: TempDir,
    variables: BTreeMap<String, OsString>,
}

impl Terraform {
    /// An empty root module beside the built provider.
    ///
    /// # Errors
    /// Terraform or the provider is missing, or the folder cannot be made.
    pub fn new() -> Result<Self> {
        Self::by(environment::terraform()?)
    }

    /// The same, run by OpenTofu whatever is on the `PATH`.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn opentofu() -> Result<Self> {
        Self::by(environment::tool("bin/tofu")?)
    }

    /// The same, run by the newest Terraform that the tests build, which has the command `query`.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn newest() -> Result<Self> {
        Self::by(environment::tool("bin/terraform")?)
    }

    fn by(program: PathBuf) -> Result<Self> {
        let provider = environment::program("terraform-provider-lakedr")?.canonicalize()?;
        let folder = tempfile::Builder::new().prefix("lakedr-terraform-").tempdir()?;
        let mut made = Self { program, folder, variables: BTreeMap::new() };
        let built_in = provider.parent().context("the provider's folder")?;
        made.write(CLI_CONFIG, &cli_config(built_in))?;
        made.set("TF_CLI_CONFIG_FILE", made.folder.path().join(CLI_CONFIG));
        // what a provider leaves behind when it is killed goes with the folder
        let temporary = made.folder.path().join("tmp");
        fs::create_dir(&temporary)?;
        made.set("TMPDIR", temporary);
        made.set("TF_IN_AUTOMATION", "1");
        made.set("TF_INPUT", "0");
        made.set("CHECKPOINT_DISABLE", "1");
        Ok(made)
    }

    /// Lets Terraform start this shell script in the provider's place; the script starts `"$PROVIDER"`.
    ///
    /// # Errors
    /// The provider is not built, or the script cannot be written.
    pub fn start_through(&mut self, script: &str) -> Result<()> {
        const NAME: &str = "terraform-provider-lakedr";
        let provider = environment::program(NAME)?.canonicalize()?;
        let between = self.folder.path().join("between");
        fs::create_dir(&between)?;
        environment::script(&between.join(NAME), script)?;
        self.set("PROVIDER", provider);
        self.write(CLI_CONFIG, &cli_config(&between))
    }

    /// A root module whose `main.tf` is [`REQUIRED_PROVIDERS`] and `configuration`.
    ///
    /// # Errors
    /// Those of [`Self::new`] and [`Self::configure`].
    pub fn with(configuration: &str) -> Result<Self> {
        let made = Self::new()?;
        made.configure(configuration)?;
        Ok(made)
    }

    /// Makes `main.tf` say [`REQUIRED_PROVIDERS`] and `configuration`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn configure(&self, configuration: &str) -> Result<()> {
        self.write("main.tf", &format!("{REQUIRED_PROVIDERS}{configuration}"))
    }

    /// Writes a file of the root module.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.folder.path().join(name), text).with_context(|| format!("write {name}"))
    }

    /// Whether it is OpenTofu that runs.
    #[must_use]
    pub fn is_opentofu(&self) -> bool {
        self.program.file_stem().is_some_and(|name| name == "tofu")
    }

    /// The folder of the root module.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The state file, which is there after the first apply.
    #[must_use]
    pub fn state_file(&self) -> PathBuf {
        self.folder.path().join("terraform.tfstate")
    }

    /// Sets a variable for all later commands.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// Removes a variable that was set.
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// Starts a command, such as `["plan", "-out=p"]`.
    ///
    /// # Errors
    /// Terraform cannot be started.
    pub fn start(&self, arguments: &[&str]) -> Result<Running> {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("-no-color").current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TF_") || name.to_string_lossy().starts_with("LAKEDR_") {
                command.env_remove(name);
            }
        }
        Running::spawn(command.envs(&self.variables))
    }

    /// Runs a command to its end, whatever that is.
    ///
    /// # Errors
    /// Terraform cannot be started or takes longer than two minutes.
    pub fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        self.start(arguments)?.wait(TIMEOUT)
    }

    /// Runs a command that has to succeed.
    ///
    /// # Errors
    /// It fails; the error holds all that it said.
    pub fn succeed(&self, arguments: &[&str]) -> Result<Outcome> {
        let outcome = self.run(arguments)?;
        ensure!(outcome.code == Some(0), "the command has to succeed: {outcome}");
        Ok(outcome)
    }

    /// Runs a command that has to fail with Terraform's exit code 1, and returns what it said.
    ///
    /// # Errors
    /// It succeeds, or crashes.
    pub fn fail(&self, arguments: &[&str]) -> Result<Outcome> {
        let outcome = self.run(arguments)?;
        ensure!(outcome.code == Some(1), "the command has to fail: {outcome}");
        Ok(outcome)
    }

    /// Applies the configuration.
    ///
    /// # Errors
    /// The apply fails.
    pub fn apply(&self) -> Result<Outcome> {
        self.succeed(&["apply", "-auto-approve"])
    }

    /// Destroys what was applied.
    ///
    /// # Errors
    /// The destroy fails.
    pub fn destroy(&self) -> Result<Outcome> {
        self.succeed(&["destroy", "-auto-approve"])
    }

    /// Plans: `false` if there is nothing to do, `true` if there are changes.
    ///
    /// # Errors
    /// The plan fails.
    pub fn plan_has_changes(&self) -> Result<bool> {
        let outcome = self.run(&["plan", "-detailed-exitcode"])?;
        match outcome.code {
            Some(0) => Ok(false),
            Some(2) => Ok(true),
            _ => bail!("the plan has to succeed: {outcome}"),
        }
    }

    /// Asserts that a plan finds nothing to do.
    ///
    /// # Errors
    /// The plan fails, or has changes, which the error then shows.
    pub fn plan_is_empty(&self) -> Result<()> {
        let outcome = self.run(&["plan", "-detailed-exitcode"])?;
        ensure!(outcome.code == Some(0), "the plan has to be empty: {outcome}");
        Ok(())
    }

    /// What `validate -json` says: `valid`, `diagnostics`.
    ///
    /// # Errors
    /// Terraform does not print JSON.
    pub fn validate_json(&self) -> Result<Value> {
        self.run(&["validate", "-json"])?.json()
    }

    /// The plan of the configuration as `show -json` prints it.
    ///
    /// # Errors
    /// The plan fails.
    pub fn plan_json(&self) -> Result<Value> {
        self.succeed(&["plan", "-out=plan.bin"])?;
        self.succeed(&["show", "-json", "plan.bin"])?.json()
    }

    /// The state as `show -json` prints it.
    ///
    /// # Errors
    /// There is no readable state.
    pub fn show_json(&self) -> Result<Value> {
        self.succeed(&["show", "-json"])?.json()
    }

    /// The attributes of a resource of the root module in the state.
    ///
    /// # Errors
    /// The resource is not in the state.
    pub fn attributes(&self, address: &str) -> Result<Value> {
        let state = self.show_json()?;
        let resources = state["values"]["root_module"]["resources"].as_array();
        let found = resources.into_iter().flatten().find(|resource| resource["address"] == address);
        found.map(|resource| resource["values"].clone()).with_context(|| format!("{address} in {state}"))
    }
}

fn cli_config(provider: &Path) -> String {
    let provider = provider.display();
    format!(
        "provider_installation {{\n  dev_overrides {{\n    \
         \"registry.terraform.io/lakedr/lakedr\" = \"{provider}\"\n  }}\n}}\n"
    )
}
