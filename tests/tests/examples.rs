//! The examples of the registry pages are valid configurations of the built provider.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment::checkout;
use lakedr_e2e::terraform::Terraform;

/// The folders below `examples/<kind>`, one for each resource, data source or function.
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
fn functions() -> Result<()> {
    folders("functions")?.iter().try_for_each(|folder| is_valid(&folder.join("function.tf")))
}

#[test]
fn staged_delivery() -> Result<()> {
    let terraform = Terraform::new()?;
    terraform.write("main.tf", &std::fs::read_to_string(checkout().join("examples/staged/main.tf"))?)?;
    terraform.succeed(&["validate"]).map(drop)
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

/// A root with a `cloud` block is judged and tested without its host.
#[test]
fn terraform_cloud() -> Result<()> {
    let terraform = Terraform::new()?;
    for file in ["main.tf", "etl.tftest.hcl"] {
        let text = std::fs::read_to_string(checkout().join("examples/terraform-cloud").join(file))?;
        terraform.write(file, &text)?;
    }
    terraform.succeed(&["validate"])?;
    let tested = terraform.succeed(&["test"])?;
    ensure!(tested.says("3 passed, 0 failed"), "{tested}");
    Ok(())
}

/// By id and by identity; older hosts do not know the second.
#[test]
fn import_blocks_name_what_the_example_declares() -> Result<()> {
    for folder in folders("resources")? {
        let files = ["import-by-string-id.tf", "import-by-identity.tf"];
        for (file, newest) in files.into_iter().flat_map(|file| [(file, true), (file, false)]) {
            let terraform = if newest { Terraform::newest()? } else { Terraform::opentofu()? };
            for file in ["resource.tf", file] {
                terraform.write(file, &std::fs::read_to_string(folder.join(file))?)?;
            }
            let provider = std::fs::read_to_string(checkout().join("examples/provider/provider.tf"))?;
            terraform.write("provider.tf", &provider)?;
            let validated = terraform.succeed(&["validate"]);
            validated.with_context(|| format!("{} of {}", file, folder.display()))?;
        }
    }
    Ok(())
}

/// `terraform query` carries them out; in a control store of its own there is nothing to be found.
#[test]
fn searches_are_carried_out_by_terraform() -> Result<()> {
    for folder in folders("list-resources")? {
        let mut terraform = Terraform::newest()?;
        terraform.configure("provider \"lakedr\" {}\n")?;
        terraform.set("LAKEDR_REGION", "westus2");
        terraform
            .set("LAKEDR_CONTROL_URL", format!("file://{}", terraform.folder().join("control").display()));
        let file = "list-resource.tfquery.hcl";
        terraform.write(file, &std::fs::read_to_string(folder.join(file))?)?;
        terraform.succeed(&["query"]).with_context(|| format!("search with {}", folder.display()))?;
    }
    Ok(())
}

#[test]
fn searches_are_of_the_types_that_there_are() -> Result<()> {
    let names = |kind| {
        anyhow::Ok(
            folders(kind)?.iter().map(|dir| dir.file_name().map(ToOwned::to_owned)).collect::<Vec<_>>(),
        )
    };
    ensure!(names("list-resources")? == names("resources")?);
    for folder in folders("list-resources")? {
        let text = std::fs::read_to_string(folder.join("list-resource.tfquery.hcl"))?;
        let kind = folder.file_name().and_then(|name| name.to_str()).context("a folder without a name")?;
        ensure!(text.contains(&format!("list {kind:?} ")) && text.contains("name_prefix"), "{text}");
    }
    Ok(())
}

/// What `terraform fmt` would write.
#[test]
fn examples_are_in_canonical_form() -> Result<()> {
    let terraform = Terraform::new()?;
    let folder = checkout().join("examples");
    let folder = folder.to_str().context("a path that is text")?;
    let outcome = terraform.run(&["fmt", "-check", "-recursive", "-diff", folder])?;
    ensure!(outcome.code == Some(0), "run terraform fmt -recursive examples: {outcome}");
    Ok(())
}

/// The arguments of every `lakedr` call in the cron, systemd and Kubernetes units.
fn unit_calls() -> Result<Vec<Vec<String>>> {
    let cron = checkout().join("examples/cron");
    let read = |file: &str| std::fs::read_to_string(cron.join(file)).with_context(|| format!("read {file}"));
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut calls = Vec::new();
    for line in read("crontab")?.lines().filter(|line| !line.starts_with('#')) {
        if let Some((_, call)) = line.split_once("lakedr --") {
            let call = call.split(['|', '>']).next().unwrap_or_default();
            calls.push(words(&format!("--{call}")));
        }
    }
    for line in read("systemd/lakedr@.service")?.lines() {
        if let Some((_, call)) = line.strip_prefix("ExecStart=").and_then(|exec| exec.split_once("/lakedr "))
        {
            calls.extend(["sync", "verify"].map(|instance| words(&call.replace("%i", instance))));
        }
    }
    for line in read("kubernetes/cronjob.yaml")?.lines() {
        if let Some(list) = line.trim().strip_prefix("args:") {
            calls.push(serde_json::from_str(list).with_context(|| format!("arguments {list}"))?);
        }
    }
    Ok(calls)
}

#[test]
fn units_call_lakedr_as_it_is() -> Result<()> {
    let control = tempfile::tempdir()?;
    let calls = unit_calls()?;
    ensure!(calls.len() >= 7, "only {} calls were found: {calls:?}", calls.len());
    for call in calls {
        let mut command = std::process::Command::new(lakedr_e2e::environment::program("lakedr")?);
        command.args(&call).env("LAKEDR_CONTROL_URL", format!("file://{}", control.path().display()));
        let outcome =
            lakedr_e2e::running::Running::spawn(&mut command)?.wait(std::time::Duration::from_secs(30))?;
        ensure!(outcome.code == Some(0), "a unit calls lakedr with what it does not take: {outcome}");
    }
    Ok(())
}
