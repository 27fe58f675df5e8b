//! The examples of the registry pages are valid configurations of the built provider.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment::checkout;
use lakedr_e2e::terraform::Terraform;

/// The folders below `examples/<kind>`, one for each resource or data source.
fn folders(kind: &str) -> Result<Vec<PathBuf>> {
    let dir = checkout().join("examples").join(kind);
    let entries = std::fs::read_dir(&dir).with_context(|| format!("list {}", dir.display()))?;
    let mut found = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    found.sort();
    ensure!(!found.is_empty(), "{} is empty", dir.display());
    Ok(found)
}

fn is_valid(example: &Path) -> Result<()> {
    let terraform = Terraform::new()?;
    for file in [checkout().join("examples/provider/provider.tf").as_path(), example] {
        let name = file.file_name().and_then(|name| name.to_str()).context("an example without a name")?;
        terraform.write(name, &std::fs::read_to_string(file)?)?;
    }
    terraform.succeed(&["validate"]).with_context(|| format!("validate {}", example.display()))?;
    Ok(())
}

#[test]
fn resources() -> Result<()> {
    folders("resources")?.iter().try_for_each(|folder| is_valid(&folder.join("resource.tf")))
}

#[test]
fn data_sources() -> Result<()> {
    folders("data-sources")?.iter().try_for_each(|folder| is_valid(&folder.join("data-source.tf")))
}

#[test]
fn imports_name_what_the_example_declares() -> Result<()> {
    for folder in folders("resources")? {
        let import = std::fs::read_to_string(folder.join("import.sh"))?;
        let words: Vec<&str> = import.split_whitespace().collect();
        let (["terraform", "import", address, _name], Some((kind, name))) =
            (&words[..], words.get(2).and_then(|address| address.split_once('.')))
        else {
            anyhow::bail!("{}: import.sh says {import:?}", folder.display());
        };
        let declared = std::fs::read_to_string(folder.join("resource.tf"))?;
        ensure!(declared.contains(&format!("resource \"{kind}\" \"{name}\"")), "{address} is not declared");
    }
    Ok(())
}
