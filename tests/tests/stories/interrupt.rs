//! Ctrl-C and SIGTERM: an exit code of their own, and nothing to clean up.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lakedr_e2e::regions::{Region, Regions};
use nix::sys::signal::Signal;

#[test]
fn an_interrupted_watch_ends_with_130_and_has_kept_the_group_in_step() -> Result<()> {
    let regions = Regions::folders()?;
    regions.run(1, None)?;
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut watch = regions.start_lakedr(&["sync", "--watch", "--every", "100ms"])?;
        wait_until_equal(&regions)?;
        watch.signal(signal)?;
        let outcome = watch.wait(Duration::from_secs(10))?;
        ensure!(outcome.code == Some(130), "{signal}: {outcome}");
        regions.run(if signal == Signal::SIGINT { 2 } else { 3 }, None)?;
    }
    Ok(())
}

fn wait_until_equal(regions: &Regions) -> Result<()> {
    let begun = Instant::now();
    // while there is no recovery point its RPO target is missed, and the exit code says so
    while regions.lakedr(&["status", "--output", "json"])?.json()?["groups"][0]["runs_behind"] != 0 {
        ensure!(begun.elapsed() < Duration::from_secs(30), "the watch syncs nothing");
        std::thread::sleep(Duration::from_millis(50));
    }
    ensure!(regions.rows(Region::West)? == regions.rows(Region::East)?);
    Ok(())
}
