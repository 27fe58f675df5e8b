//! The command: looks for the last release, compares, and judges the version.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::change::{Weight, is_said};
use super::compare::compare;
use crate::{console, paths, process};

/// The schema that is reviewed, in every commit.
const FILE: &str = "docs/schemas/provider-schema.json";
const ADDRESS: &str = "registry.terraform.io/lakedr/lakedr";

/// Arguments of `cargo xtask schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Tag or commit to compare with; without it, the last release
    #[arg(long, value_name = "REVISION")]
    against: Option<String>,
    /// Fail if the version does not say what has changed
    #[arg(long)]
    check: bool,
}

/// Says what has changed, the heaviest first.
///
/// # Errors
/// A schema cannot be read; with `--check`, the version of the workspace says less than what has changed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let Some(before) = args.against.clone().or(last_release()?) else {
        console::say("schema: there is no release to compare with");
        return Ok(());
    };
    let old = git(&["show", &format!("{before}:{FILE}")])?;
    let new = std::fs::read_to_string(paths::root().join(FILE)).with_context(|| format!("read {FILE}"))?;
    let changes = compare(&provider(&old)?, &provider(&new)?);
    for change in &changes {
        console::say(&format!("schema: {change}"));
    }
    console::say(&format!("schema: {} changes since {before}", changes.len()));
    let heaviest = changes.iter().map(|change| change.weight).max();
    if let (true, Some(weight), Some(released)) = (args.check, heaviest, version(&before)) {
        let next = version(env!("CARGO_PKG_VERSION")).context("the version of the workspace")?;
        let kind = if weight == Weight::Breaking { "a breaking change" } else { "what has changed" };
        ensure!(
            is_said(weight, released, next),
            "the version says too little about {kind}: raise it further"
        );
    }
    Ok(())
}

/// The newest tag of a release among the ancestors of what is checked out, but for what is being released itself.
fn last_release() -> Result<Option<String>> {
    let tags = git(&["tag", "--list", "v*", "--merged", "HEAD", "--sort", "-version:refname"])?;
    let this = format!("v{}", env!("CARGO_PKG_VERSION"));
    Ok(tags.lines().find(|tag| version(tag).is_some() && *tag != this).map(str::to_owned))
}

fn git(arguments: &[&str]) -> Result<String> {
    process::capture(Command::new("git").args(arguments).current_dir(paths::root()))
}

fn provider(text: &str) -> Result<Value> {
    let schema: Value = serde_json::from_str(text).context("read a schema")?;
    Ok(schema["provider_schemas"][ADDRESS].clone())
}

/// `[0, 1, 0]` of `v0.1.0`.
fn version(text: &str) -> Option<[u64; 3]> {
    let parts: Option<Vec<u64>> =
        text.strip_prefix('v').unwrap_or(text).split('.').map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_a_tag_of_three_numbers() {
        assert_eq!(version("v0.12.3"), Some([0, 12, 3]));
        assert_eq!(version("v1.0.0-rc1"), None);
        assert_eq!(version("nightly"), None);
    }

    #[test]
    fn the_schema_of_this_checkout_can_be_read() {
        let text = std::fs::read_to_string(paths::root().join(FILE)).unwrap();
        let schema = provider(&text).unwrap();
        assert!(schema["resource_schemas"]["lakedr_sync_group"]["block"]["attributes"].is_object());
        assert_eq!(compare(&schema, &schema), []);
    }
}
