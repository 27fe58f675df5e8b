//! Two regions as local folders, and specs as a Terraform state.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lakedr_e2e::environment::program;
use lakedr_e2e::running::{Outcome, Running};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A lakehouse in the east, an empty region in the west.
pub(crate) struct World {
    places: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let places = tempfile::Builder::new().prefix("lakedr-golden-").tempdir().unwrap();
        for place in ["east", "west", "east-dr", "west-dr"] {
            std::fs::create_dir(places.path().join(place)).unwrap();
        }
        Self { places }
    }

    pub(crate) fn source(&self, name: &str) -> PathBuf {
        self.places.path().canonicalize().unwrap().join("east").join(name)
    }

    pub(crate) fn target(&self, name: &str) -> PathBuf {
        self.places.path().canonicalize().unwrap().join("west").join(name)
    }

    /// Declares groups, each with the golden tables of its own.
    pub(crate) fn declare(&self, groups: &[(String, Vec<String>)]) {
        let mut resources = vec![self.location("east"), self.location("west")];
        resources.extend(groups.iter().map(|(group, tables)| self.group(group, tables)));
        let state = json!({
            "version": 4, "terraform_version": "1.10.0", "serial": 1, "lineage": "golden", "outputs": {},
            "resources": resources,
        });
        std::fs::write(self.state(), state.to_string()).unwrap();
    }

    /// Runs `lakedr` on the declared groups.
    pub(crate) fn lakedr(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(program("lakedr").unwrap());
        command
            .arg("--state")
            .arg(self.state())
            .args(["--region", "west", "--output", "json"])
            .args(arguments);
        Running::spawn(&mut command).unwrap().wait(Duration::from_secs(300)).unwrap()
    }

    fn state(&self) -> PathBuf {
        self.places.path().join("terraform.tfstate")
    }

    fn location(&self, region: &str) -> Value {
        let attributes = json!({
            "name": region, "region": region, "url": url(&self.places.path().join(format!("{region}-dr"))),
        });
        resource("lakedr_external_location", region, &attributes)
    }

    fn group(&self, group: &str, tables: &[String]) -> Value {
        let table = |(number, name): (usize, &String)| {
            json!({
                "name": format!("golden.{group}.t{number:03}"),
                "primary_url": url(&self.source(name)),
                "secondary_url": url(&self.target(name)),
            })
        };
        let attributes = json!({
            "name": group,
            "initial_active_region": "east",
            "primary": {"region": "east", "location": "east"},
            "secondary": {"region": "west", "location": "west"},
            "tables": tables.iter().enumerate().map(table).collect::<Vec<_>>(),
            "retry": {"max_attempts": 1, "initial_backoff": "1s", "max_backoff": "1s"},
        });
        resource("lakedr_sync_group", group, &attributes)
    }
}

fn resource(kind: &str, name: &str, attributes: &Value) -> Value {
    json!({
        "mode": "managed", "type": kind, "name": name,
        "provider": "provider[\"registry.terraform.io/lakedr/lakedr\"]",
        "instances": [{"schema_version": 0, "attributes": attributes}],
    })
}

fn url(path: &Path) -> String {
    url::Url::from_directory_path(path).unwrap().to_string()
}
