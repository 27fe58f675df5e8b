//! Two regions as local folders, and a configuration that protects a lakehouse between them.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use lakedr_e2e::running::Outcome;
use lakedr_e2e::terraform::Terraform;
use serde_json::Value;
use tempfile::TempDir;

/// Folders of two regions, and a root module for one of them.
pub(crate) struct World {
    places: TempDir,
    pub(crate) terraform: Terraform,
}

/// A resource in Terraform's language: type, label, and attributes as they are written.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    kind: &'static str,
    label: String,
    attributes: Vec<(String, String)>,
    nested: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let places = tempfile::Builder::new().prefix("lakedr-world-").tempdir().unwrap();
        for place in ["control", "east", "west"] {
            fs::create_dir(places.path().join(place)).unwrap();
        }
        Self { places, terraform: Terraform::new().unwrap() }
    }

    /// A root module in which the locations, a group and a schedule are declared, applied.
    pub(crate) fn applied() -> Self {
        let world = Self::new();
        world.declare(&world.everything());
        world.terraform.apply().unwrap();
        world
    }

    /// A second root module over the same folders.
    pub(crate) fn another_root(&self) -> Terraform {
        Terraform::new().unwrap()
    }

    /// URL of a folder of this world.
    pub(crate) fn url(&self, place: &str) -> String {
        format!("file://{}", self.path(place).display())
    }

    pub(crate) fn path(&self, place: &str) -> PathBuf {
        self.places.path().join(place)
    }

    pub(crate) fn provider(&self, region: &str) -> String {
        format!(
            "provider \"lakedr\" {{\n  region = {region:?}\n  control_url = {:?}\n}}\n",
            self.url("control")
        )
    }

    /// Makes these resources the whole configuration.
    pub(crate) fn declare(&self, blocks: &[Block]) {
        self.declare_in(&self.terraform, "eastus2", blocks);
    }

    pub(crate) fn declare_in(&self, terraform: &Terraform, region: &str, blocks: &[Block]) {
        let text: String = blocks.iter().map(Block::text).collect();
        terraform.configure(&format!("{}{text}", self.provider(region))).unwrap();
    }

    /// Applies what has to fail, and returns what Terraform said without its line breaks and frames.
    pub(crate) fn refused(&self) -> String {
        let outcome = self.terraform.fail(&["apply", "-auto-approve"]).unwrap();
        flat(&outcome)
    }

    pub(crate) fn everything(&self) -> Vec<Block> {
        vec![self.east(), self.west(), self.group(), self.schedule()]
    }

    pub(crate) fn east(&self) -> Block {
        self.location("east", "eastus2")
    }

    pub(crate) fn west(&self) -> Block {
        self.location("west", "westus2")
    }

    fn location(&self, name: &str, region: &str) -> Block {
        Block::new("lakedr_external_location", name)
            .text_attribute("name", name)
            .text_attribute("region", region)
            .text_attribute("url", &self.url(name))
    }

    pub(crate) fn group(&self) -> Block {
        self.group_of("etl", &["cat.raw.bronze", "cat.stage.silver"])
    }

    pub(crate) fn group_of(&self, name: &str, tables: &[&str]) -> Block {
        let side = |place: &str, region: &str| {
            let root = self.url(&format!("lake/{place}"));
            format!(
                "{{ region = {region:?}, location = lakedr_external_location.{place}.name, table_root = {root:?} }}"
            )
        };
        let tables: Vec<String> = tables.iter().map(|table| format!("{{ name = {table:?} }}")).collect();
        Block::new("lakedr_sync_group", name)
            .text_attribute("name", name)
            .text_attribute("initial_active_region", "eastus2")
            .attribute("primary", &side("east", "eastus2"))
            .attribute("secondary", &side("west", "westus2"))
            .attribute("tables", &format!("[{}]", tables.join(", ")))
    }

    pub(crate) fn schedule(&self) -> Block {
        Block::new("lakedr_snapshot_schedule", "weekly")
            .text_attribute("name", "weekly")
            .attribute("source", "{ sync_group = lakedr_sync_group.etl.name }")
            .attribute("target", "{ location = lakedr_external_location.west.name }")
            .attribute("schedule", r#"{ cron = "0 3 * * 0" }"#)
    }

    /// A document of the control store.
    pub(crate) fn document(&self, folder: &str, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.document_path(folder, name)).unwrap()).unwrap()
    }

    pub(crate) fn document_path(&self, folder: &str, name: &str) -> PathBuf {
        self.path("control").join(format!("v1/{folder}/{name}.json"))
    }

    /// Changes a document as another tool of ours would: with a digest that fits and a generation that is one higher.
    pub(crate) fn edit(&self, folder: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut document = self.document(folder, name);
        change(&mut document["spec"]);
        document["generation"] = (document["generation"].as_u64().unwrap() + 1).into();
        document["digest"] = lakedr_control::digest::of_json(&document["spec"]).unwrap().into();
        document["written_by"]["region"] = "westus2".into();
        fs::write(self.document_path(folder, name), document.to_string()).unwrap();
    }
}

impl Block {
    pub(crate) fn new(kind: &'static str, label: &str) -> Self {
        Self { kind, label: label.to_owned(), attributes: Vec::new(), nested: String::new() }
    }

    /// Sets an attribute to an expression.
    pub(crate) fn attribute(mut self, name: &str, expression: &str) -> Self {
        self.attributes.retain(|(other, _)| other != name);
        self.attributes.push((name.to_owned(), expression.to_owned()));
        self
    }

    /// Sets an attribute to a text.
    pub(crate) fn text_attribute(self, name: &str, text: &str) -> Self {
        self.attribute(name, &format!("{text:?}"))
    }

    /// Adds a nested block, as it is written.
    pub(crate) fn block(mut self, text: &str) -> Self {
        self.nested.push_str(text);
        self.nested.push('\n');
        self
    }

    pub(crate) fn address(&self) -> String {
        format!("{}.{}", self.kind, self.label)
    }

    fn text(&self) -> String {
        let mut text = format!("resource {:?} {:?} {{\n", self.kind, self.label);
        for (name, expression) in &self.attributes {
            writeln!(text, "  {name} = {expression}").unwrap();
        }
        text + &self.nested + "}\n"
    }
}

/// What a command said, on one line: Terraform wraps messages at the width of the terminal.
pub(crate) fn flat(outcome: &Outcome) -> String {
    let text = format!("{}\n{}", outcome.stdout, outcome.stderr);
    let words: Vec<&str> = text.split_whitespace().filter(|word| !matches!(*word, "│" | "╷" | "╵")).collect();
    words.join(" ")
}

/// Asserts that a text holds all of these.
#[track_caller]
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}
