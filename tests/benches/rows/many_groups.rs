//! A plan of many sync groups that changes nothing, beside the same plan of a provider of Terraform's own framework whose
//! resource has the same attributes and reads one local file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment::{checkout, tool};
use lakedr_e2e::terraform::Terraform;

use crate::child::mebibytes;
use crate::row::{Row, Verdict};
use crate::times::{median, ratio};

const GROUPS: usize = 1000;
const ROUNDS: usize = 3;
/// What a plan may take beside the peer's, and the provider's memory beside that of the peer.
const LONGEST: f64 = 1.3;
const MOST: f64 = 0.5;
const LOOK: Duration = Duration::from_millis(5);
const WITHIN: Duration = Duration::from_secs(600);

/// The row.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let places = tempfile::tempdir()?;
    for place in ["control", "east", "west", "files"] {
        std::fs::create_dir(places.path().join(place))?;
    }
    let (ours, peer) = (ours(places.path())?, peer(places.path())?);
    for root in [&ours, &peer] {
        let applied = root.start(&["apply", "-auto-approve"])?.wait(WITHIN)?;
        ensure!(applied.code == Some(0), "{applied}");
    }
    let (mut times, mut peer_times, mut peak, mut peer_peak) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..ROUNDS {
        let (took, memory) = plan(&ours)?;
        times.push(took);
        peak = memory.max(peak);
        let (took, memory) = plan(&peer)?;
        peer_times.push(took);
        peer_peak = memory.max(peer_peak);
    }
    let slower = median(&times).as_secs_f64() / median(&peer_times).as_secs_f64();
    let larger = peak as f64 / peer_peak as f64;
    Ok(vec![Row {
        work: format!("terraform plan of {GROUPS} groups, nothing to do"),
        ours: format!("{:.1?}, provider {}", median(&times), mebibytes(peak)),
        peer: format!(
            "terraform-plugin-framework {:.1?}, provider {}",
            median(&peer_times),
            mebibytes(peer_peak)
        ),
        ratio: format!("{}, memory {larger:.2}", ratio(&times, &peer_times)),
        target: "1.3 × the time, half the memory".to_owned(),
        verdict: Verdict::of(slower <= LONGEST && larger <= MOST),
    }])
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

fn peer(places: &Path) -> Result<Terraform> {
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
    let provider = format!("provider \"peer\" {{\n  folder = {:?}\n}}\n", places.join("files").display());
    let groups = group("peer_sync_group", |region| format!("{region:?}"));
    terraform.write("main.tf", &[required, provider, groups].concat())?;
    Ok(terraform)
}

/// How long a plan takes, and the most memory that a provider process of it had.
fn plan(terraform: &Terraform) -> Result<(Duration, u64)> {
    let mut running = terraform.start(&["plan", "-detailed-exitcode"])?;
    let (group, over) = (running.id(), Arc::new(AtomicBool::new(false)));
    let end = Arc::clone(&over);
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while !end.load(Ordering::Relaxed) {
            peak = provider_memory(group).unwrap_or(0).max(peak);
            std::thread::sleep(LOOK);
        }
        peak
    });
    let outcome = running.wait(WITHIN);
    over.store(true, Ordering::Relaxed);
    let peak = watch.join().map_err(|_| anyhow::anyhow!("the watch of the providers"))?;
    let outcome = outcome?;
    ensure!(outcome.code == Some(0), "the plan has to be empty: {outcome}");
    ensure!(peak > 0, "no provider was seen");
    Ok((outcome.took, peak))
}

/// The high-water mark of the largest provider in a process group (proc(5): `stat`, `status`).
fn provider_memory(group: u32) -> Result<u64> {
    let mut peak = 0;
    for entry in std::fs::read_dir("/proc")? {
        let folder = entry?.path();
        // processes end while they are looked at
        let Ok(stat) = std::fs::read_to_string(folder.join("stat")) else { continue };
        let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
        // state, parent, process group
        let is_ours = rest.split(' ').nth(2).and_then(|id| id.parse().ok()) == Some(group);
        if is_ours && name.contains("(terraform-provi") {
            peak = crate::child::high_water(&folder.join("status")).unwrap_or(0).max(peak);
        }
    }
    Ok(peak)
}
