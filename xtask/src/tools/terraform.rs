//! Terraform: the one on the `PATH`, else OpenTofu on the `PATH`, else OpenTofu built from source.

use std::path::PathBuf;

use anyhow::Result;

use super::go;
use super::install::Tool;
use crate::{paths, process};

/// The program to use, and how to install it where the machine has none.
pub(super) fn choose() -> Result<(PathBuf, Option<Tool>)> {
    if let Some(program) = std::env::var_os("LAKEDR_TERRAFORM") {
        return Ok((PathBuf::from(program), None));
    }
    if let Some(program) = process::find("terraform").or_else(|| process::find("tofu")) {
        return Ok((program, None));
    }
    let tofu = opentofu()?;
    Ok((paths::tools().join(&tofu.makes), Some(tofu)))
}

/// OpenTofu, built from source: the newest that the tests know, whatever the machine has.
pub(super) fn opentofu() -> Result<Tool> {
    go::built(go::Build {
        module: "tofu",
        package: "github.com/opentofu/opentofu/cmd/tofu",
        program: "tofu",
        set: &[],
    })
}

/// Terraform, built from source: the newest whose module can be had, with its experiments, of which `query` is one.
pub(super) fn newest() -> Result<Tool> {
    go::built(go::Build {
        module: "terraform",
        package: "github.com/hashicorp/terraform",
        program: "terraform",
        set: &["main.experimentsAllowed=yes", "github.com/hashicorp/terraform/version.dev=no"],
    })
}
