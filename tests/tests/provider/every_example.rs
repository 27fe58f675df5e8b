//! The examples of `examples/`, applied with folders in the place of clouds: whatever comes after that, Terraform has nothing to do.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use lakedr_control::group_log::{Event, Role};
use lakedr_control::id::Name;
use lakedr_e2e::environment::checkout;
use lakedr_e2e::terraform::Terraform;
use serde_json::{Value, json};

use crate::status::write_entries;

/// A root module made of files of `examples/`.
struct Example {
    files: Vec<(String, String)>,
}

impl Example {
    /// The files of a folder whose places are folders below `root`.
    fn of(root: &Path, paths: &[&str]) -> Result<Self> {
        let read = |path: &&str| -> Result<(String, String)> {
            let text =
                fs::read_to_string(checkout().join("examples").join(path)).context((*path).to_owned())?;
            Ok((path.replace('/', "-"), in_folders(root, &text)))
        };
        Ok(Self { files: paths.iter().map(read).collect::<Result<_>>()? })
    }

    fn without(mut self, block: &str) -> Self {
        for (_, text) in &mut self.files {
            *text = without_block(text, block);
        }
        self
    }

    fn with(mut self, name: &str, text: String) -> Self {
        self.files.push((name.to_owned(), text));
        self
    }

    fn root(&self) -> Result<Terraform> {
        let terraform = Terraform::new()?;
        for (name, text) in &self.files {
            terraform.write(name, text)?;
        }
        Ok(terraform)
    }
}

/// A text in which the URLs of stores name folders below `root`.
fn in_folders(root: &Path, text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = ["abfss://", "s3://"].iter().filter_map(|scheme| rest.find(scheme)).min() {
        let (before, url) = rest.split_at(at);
        let place = url.split_once("://").map_or(url, |(_, place)| place);
        let bucket = place.find(['/', '"']).unwrap_or(place.len());
        let name = place[..bucket].replace('@', "-");
        told.push_str(&format!("{before}file://{}/{name}", root.display()));
        rest = &place[bucket..];
    }
    told + rest
}

/// A text without the first block that begins with this line.
fn without_block(text: &str, begin: &str) -> String {
    let Some(at) = text.find(begin) else { return text.to_owned() };
    let indent = begin.len() - begin.trim_start().len();
    let close = format!("\n{}}}\n", " ".repeat(indent));
    let end = text[at..].find(&close).map_or(text.len(), |end| at + end + close.len());
    format!("{}{}", &text[..at], &text[end..])
}

/// The resources of a state.
fn resources(terraform: &Terraform) -> Result<Vec<Value>> {
    let state = terraform.show_json()?;
    let resources = state["values"]["root_module"]["resources"].as_array().context("resources")?;
    Ok(resources.iter().filter(|resource| resource["mode"] == "managed").cloned().collect())
}

/// No resource changes; outputs may, which show who is active.
fn changes_nothing(terraform: &Terraform) -> Result<()> {
    let planned = terraform.plan_json()?;
    for change in planned["resource_changes"].as_array().into_iter().flatten() {
        let actions = &change["change"]["actions"];
        ensure!(*actions == json!(["no-op"]) || *actions == json!(["read"]), "{change}");
    }
    Ok(())
}

/// The group log of each group says that the regions have changed places.
fn fail_over(resources: &[Value]) -> Result<()> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
    for group in resources.iter().filter(|resource| resource["type"] == "lakedr_sync_group") {
        let group = &group["values"];
        let (active, sides) =
            (text(&group["initial_active_region"])?, [&group["primary"], &group["secondary"]]);
        let standby =
            sides.into_iter().find(|side| side["region"] != active.as_str()).context("a standby")?;
        let location = resources.iter().find(|resource| {
            resource["type"] == "lakedr_external_location"
                && resource["values"]["name"] == standby["location"]
        });
        let url = text(&location.context("the location")?["values"]["url"])?;
        let standby = text(&standby["region"])?;
        let name: Name = text(&group["name"])?.parse()?;
        let role =
            |active: &str, standby: &str| Role { active: active.to_owned(), standby: standby.to_owned() };
        let created = Event::Created { spec_digest: text(&group["digest"])?, role: role(&active, &standby) };
        let role = role(&standby, &active);
        let failed_over = Event::Role { role, from: None, approved_by: "ada".to_owned(), plan: None };
        write_entries(Path::new(url.trim_start_matches("file://")), &name, &[created, failed_over]);
    }
    Ok(())
}

/// Applied, refreshed, failed over, imported by another root: each time there is nothing to do.
fn stays(example: &Example) -> Result<()> {
    let terraform = example.root()?;
    terraform.apply()?;
    terraform.plan_is_empty().context("after apply")?;
    terraform.succeed(&["apply", "-refresh-only", "-auto-approve"])?;
    terraform.plan_is_empty().context("after refresh")?;
    let managed = resources(&terraform)?;
    ensure!(!managed.is_empty(), "nothing was applied");
    fail_over(&managed)?;
    changes_nothing(&terraform).context("after a failover")?;
    terraform.apply()?;
    terraform.plan_is_empty().context("after a failover and an apply")?;

    let another = example.root()?;
    for resource in &managed {
        let (address, id) = (resource["address"].as_str(), resource["values"]["id"].as_str());
        another.succeed(&["import", address.context("an address")?, id.context("an id")?])?;
    }
    changes_nothing(&another).context("after import")
}

const PROVIDER: &str = "provider/provider.tf";
const LOCATION: &str = "resources/lakedr_external_location/resource.tf";
const GROUP: &str = "resources/lakedr_sync_group/resource.tf";
const SCHEDULE: &str = "resources/lakedr_snapshot_schedule/resource.tf";

#[test]
fn external_locations_of_the_example_stay() -> Result<()> {
    let root = tempfile::tempdir()?;
    let example = Example::of(root.path(), &[PROVIDER, LOCATION])?;
    // folders have no options
    stays(&example.without("  storage_options = {").without("  secret_options = {"))
}

#[test]
fn sync_groups_of_the_example_stay() -> Result<()> {
    let root = tempfile::tempdir()?;
    stays(&Example::of(root.path(), &[PROVIDER, GROUP])?)
}

/// Its group is the one of the other example, applied before by a root of its own, and so is its location.
#[test]
fn snapshot_schedules_of_the_example_stay() -> Result<()> {
    let root = tempfile::tempdir()?;
    let group = Example::of(root.path(), &[PROVIDER, GROUP])?.root()?;
    group.apply()?;
    let mut schedule = Example::of(root.path(), &[PROVIDER, SCHEDULE])?
        .without("resource \"lakedr_external_location\" \"west\" {");
    for (_, text) in &mut schedule.files {
        *text = text.replace("lakedr_external_location.west.name", "\"west_sync\"");
    }
    stays(&schedule)
}

#[test]
fn two_regions_of_the_example_stay() -> Result<()> {
    let root = tempfile::tempdir()?;
    let files = ["main.tf", "variables.tf", "outputs.tf"].map(|file| format!("two-regions/{file}"));
    let example = Example::of(root.path(), &files.each_ref().map(String::as_str))?;
    let url = |place: &str| format!("file://{}/{place}", root.path().display());
    let side = |name: &str, region: &str| {
        let (lake, location) = (url(&format!("{name}/lake")), url(&format!("{name}/dr")));
        format!("{name} = {{ region = {region:?}, lake = {lake:?}, location = {location:?} }}\n")
    };
    let variables = format!(
        "region = \"westus2\"\ncontrol_url = {:?}\nruns = {:?}\n{}{}",
        url("control"),
        url("runs"),
        side("east", "eastus2"),
        side("west", "westus2")
    );
    stays(&example.with("terraform.tfvars", variables))
}

#[test]
fn staged_delivery_of_the_example_stays() -> Result<()> {
    let root = tempfile::tempdir()?;
    let example = Example::of(root.path(), &["staged/main.tf"])?;
    stays(&example.with("terraform.tfvars", "region = \"west\"\n".to_owned()))
}

/// But for its `cloud` block, which asks a host for the state.
#[test]
fn the_root_of_terraform_cloud_stays() -> Result<()> {
    let root = tempfile::tempdir()?;
    let example = Example::of(root.path(), &["terraform-cloud/main.tf"])?.without("  cloud {");
    let control = format!("file://{}/control", root.path().display());
    stays(&example.with("terraform.tfvars", format!("region = \"us-west-2\"\ncontrol_url = {control:?}\n")))
}
