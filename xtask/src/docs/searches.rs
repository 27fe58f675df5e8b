//! What older Terraforms do not tell of the provider: identities and searches, from the example `searches` of the provider.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::attribute::{Attribute, attributes};
use super::provider_schema::{Schema, by_name};
use crate::process;

/// The identity of every resource, and the configuration of a search by type.
#[derive(Debug)]
pub(super) struct Searches {
    pub(super) identity: Vec<Attribute>,
    pub(super) list_resources: BTreeMap<String, Schema>,
}

/// Asks the example that was built.
pub(super) fn ask(bin_dir: &Path) -> Result<Searches> {
    let answer = process::capture(&mut Command::new(bin_dir.join("examples/searches")))?;
    let answer: Value = serde_json::from_str(&answer).context("read the answer of the example `searches`")?;
    Ok(Searches {
        identity: attributes(&answer["identity"])?,
        list_resources: by_name(&answer["list_resource_schemas"])?,
    })
}
