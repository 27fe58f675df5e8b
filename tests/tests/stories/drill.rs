//! Drills: a failover is rehearsed, and nobody notices.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment::{program, script};
use lakedr_e2e::regions::{Region, Regions, contents};
use lakedr_e2e::running::{Outcome, Running};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// Where the drills of the group are.
const DRILLS: &str = "meta/groups/etl/drills";

/// Two regions, of which the west holds a finished run.
fn synced() -> Result<Regions> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    regions.sync()?;
    Ok(regions)
}

/// All that there is, but for the drills.
fn production(regions: &Regions) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut all = BTreeMap::new();
    for region in Region::BOTH {
        for what in ["control", "lake", "dr"] {
            all.extend(contents(&regions.dir(region, what))?);
        }
    }
    let drills = regions.dir(Region::West, "dr").join(DRILLS);
    // the lock of a store of local files is no object of it
    all.retain(|path, _| !path.starts_with(&drills) && !path.ends_with(".lakedr-lock"));
    Ok(all)
}

fn unchanged(regions: &Regions, before: &BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    let after = production(regions)?;
    let keys = before.keys().chain(after.keys());
    let changed: Vec<&PathBuf> = keys.filter(|key| before.get(*key) != after.get(*key)).collect();
    ensure!(changed.is_empty(), "a drill changed {changed:?}");
    Ok(())
}

/// What is left of the copies of all drills.
fn copied(regions: &Regions) -> Result<Vec<PathBuf>> {
    let drills = contents(&regions.dir(Region::West, "dr").join(DRILLS))?;
    Ok(drills.into_keys().filter(|path| path.iter().any(|part| part == "copy")).collect())
}

fn drill_folder(regions: &Regions, drill: u32) -> PathBuf {
    regions.dir(Region::West, "dr").join(DRILLS).join(format!("{drill:020}"))
}

fn status(regions: &Regions) -> Result<String> {
    Ok(regions.lakedr(&["status"])?.stdout)
}

#[test]
fn a_drill_rehearses_a_failover_and_touches_nothing() -> Result<()> {
    let regions = synced()?;
    let folder = tempfile::tempdir()?;
    let (request, counts) = (folder.path().join("request.json"), folder.path().join("counts.json"));
    // an independent reader counts, then the copy is ruined: that must not matter
    let judge = script(
        &folder.path().join("judge"),
        &format!(
            "cat > {request}\nroot=$(sed 's/.*\"url\":\"\\([^\"]*\\)\\/cat\\/raw\\/bronze\".*/\\1/' {request})\n{workflow} --root \"$root\" --count > {counts}\n\
             rm -r \"${{root#file://}}/cat/raw/bronze\"\ntest \"$GREETING\" = hello && echo 'all rows are there'",
            request = request.display(),
            counts = counts.display(),
            workflow = program("lakedr-example-workflow")?.display(),
        ),
    )?;
    let before = production(&regions)?;
    let mut command = regions.lakedr_command(
        Region::West,
        &["drill", "--validate", &judge, "--pass-env", "GREETING", "--output", "json"],
    )?;
    let ended = Running::spawn(command.env("GREETING", "hello"))?.wait(Duration::from_secs(60))?;
    ensure!(ended.code == Some(0), "{ended}");
    let told = ended.json()?["groups"][0].clone();
    assert_eq!(
        (&told["outcome"], &told["drill"], &told["region"]),
        (&json!("passed"), &json!(1), &json!("westus2")),
        "{told}"
    );
    let steps: Vec<&str> =
        told["steps"].as_array().context("steps")?.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(steps, ["log", "check", "copy", "validate", "clean"]);
    assert_eq!(told["validation"]["said"], "all rows are there");
    assert_eq!(told["tables"].as_array().map(Vec::len), Some(3), "{told}");
    ensure!(told["rto_ms"].as_u64() > Some(0), "{told}");

    let request: Value = serde_json::from_slice(&std::fs::read(request)?)?;
    assert_eq!(
        (&request["group"], &request["recovery_point"]["seq"]),
        (&json!("etl"), &told["recovery_point"]["seq"])
    );
    let counted: Value = serde_json::from_slice(&std::fs::read(counts)?)?;
    for (table, rows) in regions.rows(Region::West)? {
        assert_eq!(counted[&table]["rows"], rows, "{table} of the copy");
    }
    unchanged(&regions, &before)?;
    assert_eq!(copied(&regions)?, Vec::<PathBuf>::new());

    let stored = std::fs::read(drill_folder(&regions, 1).join("report.json"))?;
    let stored: Value = serde_json::from_slice(&stored)?;
    assert_eq!((&stored["passed"], &stored["rto_ms"]), (&json!(true), &told["rto_ms"]));
    let page = std::fs::read_to_string(drill_folder(&regions, 1).join("report.html"))?;
    ensure!(page.contains("PASSED") && page.contains("all rows are there"), "{page}");
    let shown = status(&regions)?;
    ensure!(shown.contains("  drill: 1 passed "), "{shown}");
    Ok(())
}

#[test]
fn a_drill_that_fails_says_why_and_the_next_one_names_it() -> Result<()> {
    let regions = synced()?;
    let folder = tempfile::tempdir()?;
    let judge = script(&folder.path().join("judge"), "echo 'gold is empty'; exit 3")?;
    let told = regions.group(4, &["drill", "--validate", &judge])?;
    assert_eq!(told["outcome"], "failed", "{told}");
    ensure!(told["problems"][0].as_str().is_some_and(|told| told.contains("exit status: 3")), "{told}");
    ensure!(status(&regions)?.contains("drill: 1 FAILED"));

    let bronze = regions.table_dir(Region::West, "cat.raw.bronze");
    let is_data = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
    let file = contents(&bronze)?.into_keys().find(is_data).context("a data file")?;
    let kept = std::fs::read(&file)?;
    std::fs::remove_file(&file)?;
    let told = regions.group(4, &["drill", "--validate", &judge])?;
    ensure!(told["problems"][0].as_str().is_some_and(|told| told.contains("is missing")), "{told}");
    assert_eq!((&told["validation"], &told["previous"]["drill"]), (&Value::Null, &json!(1)), "{told}");
    std::fs::write(&file, kept)?;

    let previous = std::fs::read(drill_folder(&regions, 2).join("report.json"))?;
    let told = regions.group(0, &["drill"])?;
    assert_eq!(told["previous"]["digest"], lakedr_control::digest::of_bytes(&previous), "{told}");
    Ok(())
}

#[test]
fn a_drill_takes_place_where_a_failover_would_lead() -> Result<()> {
    let regions = Regions::folders()?;
    let nothing = regions.group(3, &["drill"])?;
    assert_eq!(nothing["error"]["type"], "no_recovery_point", "{nothing}");
    regions.run(1, None)?;
    regions.sync()?;
    let elsewhere = regions.group(0, &["drill", "--region", "eastus2"])?;
    assert_eq!(
        (&elsewhere["outcome"], &elsewhere["region"]),
        (&json!("not_here"), &json!("westus2")),
        "{elsewhere}"
    );
    regions.lose(Region::East)?;
    let lost = regions.group(0, &["drill", "--region", "westus2"])?;
    assert_eq!(lost["outcome"], "passed", "without the region that is taken for lost: {lost}");
    let plan = regions.lakedr_json(0, &["failover", "plan"])?["plan"].as_str().context("a plan")?.to_owned();
    regions.lakedr_json(0, &["failover", "execute", "--plan", &plan, "--approve", "me"])?;
    regions.recover(Region::East)?;
    let returning = regions.group(3, &["drill"])?;
    assert_eq!(returning["error"]["type"], "fenced", "{returning}");
    Ok(())
}

#[test]
fn a_drill_that_was_killed_is_cleaned_up_by_the_next() -> Result<()> {
    let regions = synced()?;
    let before = production(&regions)?;
    let folder = tempfile::tempdir()?;
    let judge = script(&folder.path().join("judge"), "exec sleep 60")?;
    let drill = |number: u32, signal: Signal| -> Result<Outcome> {
        let mut drill = regions.start_lakedr(&["drill", "--validate", &judge])?;
        let begun = Instant::now();
        let copy = drill_folder(&regions, number).join("copy");
        // a file that is still being written goes with its writer
        let is_whole = |path: &&PathBuf| !path.to_string_lossy().contains('#');
        while contents(&copy).map_or(0, |left| left.keys().filter(is_whole).count()) < 6 {
            ensure!(begun.elapsed() < Duration::from_secs(60), "nothing is copied");
            std::thread::sleep(Duration::from_millis(20));
        }
        drill.signal(signal)?;
        drill.wait(Duration::from_secs(10))
    };
    // one that is told to end says that it is over
    let interrupted = drill(1, Signal::SIGTERM)?;
    ensure!(interrupted.code == Some(130), "{interrupted}");
    ensure!(!copied(&regions)?.is_empty());
    let killed = drill(2, Signal::SIGKILL)?;
    ensure!(killed.code.is_none(), "{killed}");
    let refused = regions.group(3, &["drill"])?;
    assert_eq!(refused["error"]["type"], "drill_under_way", "{refused}");

    let claim = drill_folder(&regions, 2).join("begun.json");
    let mut silent: Value = serde_json::from_slice(&std::fs::read(&claim)?)?;
    for moment in ["begun_at", "alive_at"] {
        silent[moment] = json!("2026-01-01T00:00:00.000Z");
    }
    std::fs::write(&claim, silent.to_string())?;
    let told = regions.group(0, &["drill", "--keep"])?;
    assert_eq!(told["removed"], json!([2]), "the first was removed by the second: {told}");
    let kept = PathBuf::from(told["kept"].as_str().context("kept")?.trim_start_matches("file://"));
    let left = copied(&regions)?;
    ensure!(!left.is_empty() && left.iter().all(|path| path.starts_with(&kept)), "{left:?}");
    let told = regions.group(0, &["drill"])?;
    assert_eq!(told["removed"], json!([3]), "{told}");
    assert_eq!(copied(&regions)?, Vec::<PathBuf>::new());
    unchanged(&regions, &before)?;
    Ok(())
}

/// `ssh-keygen -Y verify` on a report.
fn verifies(folder: &Path, report: &Path) -> Result<bool> {
    let mut verify = Command::new("ssh-keygen");
    verify.args(["-Y", "verify", "-I", "dr@example.com", "-n", "lakedr-drill"]);
    verify.arg("-f").arg(folder.join("allowed"));
    verify.arg("-s").arg(report.with_file_name(format!(
        "{}.sig",
        report.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    )));
    verify.stdin(Stdio::from(std::fs::File::open(report)?)).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(verify.status().context("ssh-keygen, of the package openssh-client")?.success())
}

#[test]
fn openssh_verifies_a_signed_report() -> Result<()> {
    let regions = synced()?;
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key");
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).stdin(Stdio::null());
    ensure!(make.status().context("ssh-keygen, of the package openssh-client")?.success());
    let public = std::fs::read_to_string(key.with_extension("pub"))?;
    std::fs::write(folder.path().join("allowed"), format!("dr@example.com {public}"))?;

    let reference = format!("file://{}", key.display());
    regions.group(0, &["drill", "--signing-key", &reference])?;
    for name in ["report.json", "report.html"] {
        let report = drill_folder(&regions, 1).join(name);
        ensure!(verifies(folder.path(), &report)?, "{name}");
        let mut changed = std::fs::read(&report)?;
        changed.push(b'\n');
        std::fs::write(&report, changed)?;
        ensure!(!verifies(folder.path(), &report)?, "a changed {name}");
    }
    std::fs::write(&key, "hunter2 is no key")?;
    let refused = regions.lakedr(&["drill", "--signing-key", &reference])?;
    ensure!(refused.code == Some(2) && refused.says("ssh-keygen -t ed25519"), "{refused}");
    ensure!(!refused.says("hunter2"), "{refused}");
    ensure!(!drill_folder(&regions, 2).exists(), "nothing was begun");
    Ok(())
}

#[tokio::test]
async fn a_drill_on_s3_leaves_nothing_but_its_report() -> Result<()> {
    let regions = Regions::on_s3().await?;
    regions.run(1, None)?;
    regions.sync()?;
    let told = regions.group(0, &["drill"])?;
    assert_eq!(told["outcome"], "passed", "{told}");
    ensure!(drill_folder(&regions, 1).join("report.html").exists());
    assert_eq!(copied(&regions)?, Vec::<PathBuf>::new());
    Ok(())
}
