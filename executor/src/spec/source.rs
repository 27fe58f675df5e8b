use std::io::Read as _;
use std::path::Path;

use lakedr_control::location::StoreUrl;
use lakedr_control::tfstate::{self, StateSpecs};
use lakedr_control::vault::Secrets;

use super::cloud_state::{SCHEME, Workspace};
use super::load::LoadError;

/// Where specs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecSource {
    /// The control store of a region.
    Control(StoreUrl),
    /// A Terraform state: a file name, `-` for standard input, or a workspace, `tfc://…`.
    State(String),
}

impl std::fmt::Display for SpecSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Control(url) => write!(f, "control store {url}"),
            Self::State(file) => write!(f, "Terraform state {}", place(file)),
        }
    }
}

fn place(file: &str) -> &str {
    if file == "-" { "standard input" } else { file }
}

/// Reads a Terraform state from a file, from standard input for `-`, or from a workspace of Terraform Cloud for `tfc://…`.
///
/// # Errors
/// When it cannot be read, or is no usable state.
pub async fn read_state(file: &str) -> Result<StateSpecs, LoadError> {
    if file.starts_with(SCHEME) {
        let workspace: Workspace = file.parse().map_err(Box::new)?;
        let bytes = workspace.state(&Secrets::of_process()).await.map_err(Box::new)?;
        return Ok(tfstate::parse(file, &bytes)?);
    }
    let unreadable = |cause| LoadError::StateUnreadable { file: place(file).to_owned(), cause };
    let bytes = if file == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(unreadable)?;
        bytes
    } else {
        std::fs::read(Path::new(file)).map_err(unreadable)?
    };
    Ok(tfstate::parse(place(file), &bytes)?)
}
