//! A plan of many sync groups that changes nothing, beside the same plan of a provider of Terraform's own framework that
//! reads one local file for each resource: one with the same attributes, and one with next to none.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment::{checkout, tool};
use lakedr_e2e::terraform::Terraform;

use crate::child::mebibytes;
use crate::row::{Row, Verdict};
use crate::times::{divided, median, ratio};
use crate::watched::{self, Watched};

const GROUPS: usize = 1000;
const ROUNDS: usize = 3;
/// What a plan may take beside the peer's, and the provider's memory beside that of the peer.
const LONGEST: f64 = 1.3;
const MOST: f64 = 0.5;
const WITHIN: Duration = Duration::from_secs(600);

/// The rows.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let places = tempfile::tempdir()?;
    for place in ["control", "east", "west", "same", "trivial"] {
        std::fs::create_dir(places.path().join(place))?;
    }
    let same = group("peer_sync_group", |region| format!("{region:?}"));
    let least = format!(
        "resource \"peer_trivial\" \"many\" {{\n  count = {GROUPS}\n  name = \"g${{count.index}}\"\n  content = \"text\"\n}}\n"
    );
    let ours = ours(places.path())?;
    let same = peer(&places.path().join("same"), &same)?;
    let trivial = peer(&places.path().join("trivial"), &least)?;
    let roots = [&ours, &same, &trivial];
    for root in roots {
        let applied = root.start(&["apply", "-auto-approve"])?.wait(WITHIN)?;
        ensure!(applied.code == Some(0), "{applied}");
    }
    let mut plans = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (root, plans) in roots.iter().zip(&mut plans) {
            // with this option a plan that changes anything does not succeed
            plans.push(watched::run(root, &["plan", "-detailed-exitcode"])?);
        }
    }
    let [ours, same, trivial] = plans;
    Ok(vec![
        compared("a resource of the same attributes", &ours, &same),
        compared("a resource of three attributes", &ours, &trivial),
    ])
}

/// The row of one peer.
fn compared(what: &str, ours: &[Watched], peer: &[Watched]) -> Row {
    let (times, peer_times) = (all(ours, |plan| plan.took), all(peer, |plan| plan.took));
    let larger = peak(ours) as f64 / peak(peer) as f64;
    let slower = divided(median(&times), median(&peer_times));
    Row {
        work: format!("terraform plan of {GROUPS} groups, nothing to do, beside {what}"),
        ours: told(ours),
        peer: format!("terraform-plugin-framework {}", told(peer)),
        ratio: format!("{}, memory {larger:.2}", ratio(&times, &peer_times)),
        target: "1.3 × the time, half the memory".to_owned(),
        verdict: Verdict::of(slower <= LONGEST && larger <= MOST),
    }
}

/// Time and memory of plans, and who used the processors.
fn told(plans: &[Watched]) -> String {
    let middle = |of: fn(&Watched) -> Duration| median(&all(plans, of));
    format!(
        "{:.1?}; processors: terraform {:.1?}, provider {:.2?}; provider {}",
        middle(|plan| plan.took),
        middle(|plan| plan.terraform),
        middle(|plan| plan.provider),
        mebibytes(peak(plans))
    )
}

fn all(plans: &[Watched], of: fn(&Watched) -> Duration) -> Vec<Duration> {
    plans.iter().map(of).collect()
}

fn peak(plans: &[Watched]) -> u64 {
    plans.iter().map(|plan| plan.peak).max().unwrap_or(0)
}

fn group(kind: &str, location: impl Fn(&str) -> String) -> String {
    let side = |region: &str| {
        format!(
            "{{ region = {region:?}, location = {}, table_root = \"s3://lake-{region}\" }}",
            location(region)
        )
    };
    format!(
        "resource {kind:?} \"many\" {{\n  count = {GROUPS}\n  name = \"g${{count.index}}\"\n  \
         initial_active_region = \"east\"\n  primary = {}\n  secondary = {}\n  \
         tables = [{{ name = \"c.s.t${{count.index}}\" }}]\n}}\n",
        side("east"),
        side("west")
    )
}

fn ours(places: &Path) -> Result<Terraform> {
    let url = |place: &str| format!("file://{}", places.join(place).display());
    let location = |region: &str| {
        format!(
            "resource \"lakedr_external_location\" {region:?} {{\n  name = {region:?}\n  region = {region:?}\n  url = {:?}\n}}\n",
            url(region)
        )
    };
    let provider =
        format!("provider \"lakedr\" {{\n  region = \"east\"\n  control_url = {:?}\n}}\n", url("control"));
    let groups = group("lakedr_sync_group", |region| format!("lakedr_external_location.{region}.name"));
    Terraform::with(&[provider, location("east"), location("west"), groups].concat())
}

fn peer(files: &Path, resources: &str) -> Result<Terraform> {
    const ADDRESS: &str = "registry.terraform.io/lakedr/peer";
    let program = tool("bin/terraform-provider-peer")?;
    let folder = program.parent().context("the peer's folder")?.display();
    let mut terraform = Terraform::new()?;
    let overrides =
        format!("provider_installation {{\n  dev_overrides {{\n    {ADDRESS:?} = \"{folder}\"\n  }}\n}}\n");
    terraform.write("cli.tfrc", &overrides)?;
    terraform.set("PEER_SCHEMA", checkout().join("docs/schemas/provider-schema.json"));
    let required =
        format!("terraform {{\n  required_providers {{\n    peer = {{ source = {ADDRESS:?} }}\n  }}\n}}\n");
    let provider = format!("provider \"peer\" {{\n  folder = {:?}\n}}\n", files.display());
    terraform.write("main.tf", &format!("{required}{provider}{resources}"))?;
    Ok(terraform)
}
