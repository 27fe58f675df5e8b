//! Two regions as local folders, and specs as a Terraform state: for tables that lie there already.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::environment::program;
use crate::running::{Outcome, Running};

/// No command may take longer.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A lakehouse in the east, an empty region in the west.
#[derive(Debug)]
pub struct World {
    // its real path: Spark and the executor have to agree on the names of files
    root: PathBuf,
    _places: TempDir,
}

/// A sync group to declare.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its tables.
    pub tables: Vec<Table>,
    /// More attributes, or others.
    pub attributes: Map<String, Value>,
}

/// A table of a group; it lies at the same path in both regions.
#[derive(Debug, Clone)]
pub struct Table {
    /// Folder of the table, relative to the lake.
    pub path: String,
    /// More attributes.
    pub attributes: Map<String, Value>,
}

impl Group {
    /// A group of the tables at these paths.
    #[must_use]
    pub fn of(name: &str, paths: &[&str]) -> Self {
        let table = |path: &&str| Table { path: (*path).to_owned(), attributes: Map::new() };
        Self { name: name.to_owned(), tables: paths.iter().map(table).collect(), attributes: Map::new() }
    }

    /// The group with one more attribute, or another value of it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.attributes.insert(name.to_owned(), value);
        self
    }
}

impl World {
    /// Empty regions.
    ///
    /// # Errors
    /// The folders cannot be made.
    pub fn new() -> Result<Self> {
        let places = tempfile::Builder::new().prefix("lakedr-world-").tempdir()?;
        let root = places.path().canonicalize()?;
        for place in ["east", "west", "east-dr", "west-dr"] {
            std::fs::create_dir(root.join(place))?;
        }
        Ok(Self { root, _places: places })
    }

    /// A folder of this world.
    #[must_use]
    pub fn place(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of a table in the active region.
    #[must_use]
    pub fn source(&self, path: &str) -> PathBuf {
        self.root.join("east").join(path)
    }

    /// The folder of a table in the standby region.
    #[must_use]
    pub fn target(&self, path: &str) -> PathBuf {
        self.root.join("west").join(path)
    }

    /// Declares groups, instead of those that were declared before.
    ///
    /// # Errors
    /// The state cannot be written.
    pub fn declare(&self, groups: &[Group]) -> Result<()> {
        let mut resources = vec![self.location("east")?, self.location("west")?];
        for group in groups {
            resources.push(self.group(group)?);
        }
        let state = json!({
            "version": 4, "terraform_version": "1.10.0", "serial": 1, "lineage": "world", "outputs": {},
            "resources": resources,
        });
        Ok(std::fs::write(self.state(), state.to_string())?)
    }

    /// `lakedr` on the declared groups, to be started; its data is JSON.
    ///
    /// # Errors
    /// It is not built.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("lakedr")?);
        command
            .arg("--state")
            .arg(self.state())
            .args(["--region", "west", "--output", "json"])
            .args(arguments);
        command.env_remove("LAKEDR_CONTROL_URL");
        Ok(command)
    }

    /// Runs `lakedr` on the declared groups; its data is JSON.
    ///
    /// # Errors
    /// It cannot be started, or does not end.
    pub fn lakedr(&self, arguments: &[&str]) -> Result<Outcome> {
        Running::spawn(&mut self.command(arguments)?)?.wait(TIMEOUT)
    }

    fn state(&self) -> PathBuf {
        self.root.join("terraform.tfstate")
    }

    fn location(&self, region: &str) -> Result<Value> {
        let url = url(&self.root.join(format!("{region}-dr")))?;
        let attributes = json!({"name": region, "region": region, "url": url});
        Ok(resource("lakedr_external_location", region, &attributes))
    }

    fn group(&self, group: &Group) -> Result<Value> {
        let mut tables = Vec::new();
        for (number, table) in group.tables.iter().enumerate() {
            let mut attributes = table.attributes.clone();
            attributes.insert("name".to_owned(), format!("world.{}.t{number:03}", group.name).into());
            attributes.insert("primary_url".to_owned(), url(&self.source(&table.path))?.into());
            attributes.insert("secondary_url".to_owned(), url(&self.target(&table.path))?.into());
            tables.push(Value::Object(attributes));
        }
        let mut attributes = json!({
            "name": group.name,
            "initial_active_region": "east",
            "primary": {"region": "east", "location": "east"},
            "secondary": {"region": "west", "location": "west"},
            "tables": tables,
            "retry": {"max_attempts": 1, "initial_backoff": "1s", "max_backoff": "1s"},
        });
        let known = attributes.as_object_mut().context("an object")?;
        known.extend(group.attributes.clone());
        Ok(resource("lakedr_sync_group", &group.name, &attributes))
    }
}

fn resource(kind: &str, name: &str, attributes: &Value) -> Value {
    json!({
        "mode": "managed", "type": kind, "name": name,
        "provider": "provider[\"registry.terraform.io/lakedr/lakedr\"]",
        "instances": [{"schema_version": 0, "attributes": attributes}],
    })
}

/// The URL of a folder.
///
/// # Errors
/// The path is relative.
pub fn url(path: &Path) -> Result<String> {
    let url = url::Url::from_directory_path(path);
    url.map(String::from).map_err(|()| anyhow::anyhow!("{} is relative", path.display()))
}
