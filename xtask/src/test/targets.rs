//! Which test binaries there are: the rings of `lakedr-e2e`, and the integration tests of every other crate.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::process;

/// The crate whose test binaries are rings of stories on the built programs.
const E2E: &str = "lakedr-e2e";

/// The integration test binaries of the workspace, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Targets {
    /// Those of `lakedr-e2e`: they need the built binaries and the tools.
    pub(super) rings: Vec<String>,
    /// Those of all other crates.
    pub(super) others: Vec<String>,
}

/// Asks cargo.
pub(super) fn list() -> Result<Targets> {
    let mut command = process::cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    let metadata = serde_json::from_str(&process::capture(&mut command)?).context("read cargo metadata")?;
    let targets = sort(&metadata);
    if let Some(both) = targets.rings.iter().find(|ring| targets.others.contains(ring)) {
        // `cargo test --workspace --test NAME` is by name, and only --workspace keeps one set of features
        anyhow::bail!("two crates have a test binary called `{both}`: give one of them another name");
    }
    ensure!(!targets.rings.is_empty(), "the crate {E2E} has no test binary");
    Ok(targets)
}

fn sort(metadata: &Value) -> Targets {
    let mut found = Targets::default();
    for package in array(&metadata["packages"]) {
        let is_test = |target: &&Value| array(&target["kind"]).iter().any(|kind| kind == "test");
        let tests = array(&package["targets"]).iter().filter(is_test);
        let names = tests.filter_map(|target| target["name"].as_str().map(str::to_owned));
        if package["name"] == E2E {
            found.rings.extend(names);
        } else {
            found.others.extend(names);
        }
    }
    found.rings.sort();
    found.others.sort();
    found
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rings_are_kept_apart_from_other_integration_tests() {
        let target = |kind: &str, name: &str| json!({"kind": [kind], "name": name});
        let metadata = json!({"packages": [
            {"name": "lakedr-e2e", "targets": [target("lib", "lakedr_e2e"), target("test", "stores"), target("test", "borders")]},
            {"name": "lakedr", "targets": [target("bin", "lakedr"), target("test", "cli")]},
        ]});
        let rings = vec!["borders".to_owned(), "stores".to_owned()];
        assert_eq!(sort(&metadata), Targets { rings, others: vec!["cli".to_owned()] });
    }
}
