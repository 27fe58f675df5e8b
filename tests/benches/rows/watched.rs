//! A command of Terraform, watched from its start to its end: what it took itself, and what its providers took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use lakedr_e2e::terraform::Terraform;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(10);
/// A tick of `/proc/<pid>/stat`: a hundredth of a second on every machine that Linux says so to (proc(5), `USER_HZ`).
const TICK: Duration = Duration::from_millis(10);
/// No command may take longer.
const WITHIN: Duration = Duration::from_secs(600);
/// How the kernel names the processes of providers: it keeps 15 characters.
const PROVIDER: &str = "terraform-provi";

/// What a command took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watched {
    /// From its start to its end.
    pub(crate) took: Duration,
    /// Time of processors that Terraform used itself.
    pub(crate) terraform: Duration,
    /// Time of processors that the provider used which used most: the others only tell their schema.
    pub(crate) provider: Duration,
    /// The most memory that a provider had at a time, in bytes.
    pub(crate) peak: u64,
}

/// Runs a command that has to succeed.
pub(crate) fn run(terraform: &Terraform, arguments: &[&str]) -> Result<Watched> {
    let mut running = terraform.start(arguments)?;
    let (group, over) = (running.id(), Arc::new(AtomicBool::new(false)));
    let end = Arc::clone(&over);
    let watch = std::thread::spawn(move || {
        let mut seen = Watched::default();
        while !end.load(Ordering::Relaxed) {
            // processes end while they are looked at
            let _ = look(group, &mut seen);
            std::thread::sleep(LOOK);
        }
        seen
    });
    let outcome = running.wait(WITHIN);
    over.store(true, Ordering::Relaxed);
    let seen = watch.join().map_err(|_| anyhow!("the watch of the processes"))?;
    let outcome = outcome?;
    ensure!(outcome.code == Some(0), "the command has to succeed: {outcome}");
    ensure!(seen.peak > 0, "no provider was seen: {outcome}");
    Ok(Watched { took: outcome.took, ..seen })
}

/// Looks at all processes of a group (proc(5): `stat`, `status`).
fn look(group: u32, seen: &mut Watched) -> Result<()> {
    for entry in std::fs::read_dir("/proc")? {
        let folder = entry?.path();
        let Ok(stat) = std::fs::read_to_string(folder.join("stat")) else { continue };
        let Some((is_provider, used)) = processor_time(&stat, group) else { continue };
        if is_provider {
            seen.provider = used.max(seen.provider);
            seen.peak = crate::child::high_water(&folder.join("status")).unwrap_or(0).max(seen.peak);
        } else {
            seen.terraform = used.max(seen.terraform);
        }
    }
    Ok(())
}

/// Whether a process is a provider, and the time of processors that it has used; `None` of another group.
fn processor_time(stat: &str, group: u32) -> Option<(bool, Duration)> {
    let (name, rest) = stat.rsplit_once(") ")?;
    // from the third field on: state, parent, process group, …
    let mut fields = rest.split(' ').skip(2);
    if fields.next()?.parse() != Ok(group) {
        return None;
    }
    // …, fourteenth and fifteenth: in user mode, in the kernel
    let mut ticks = fields.skip(8);
    let (user, system): (u32, u32) = (ticks.next()?.parse().ok()?, ticks.next()?.parse().ok()?);
    Some((name.contains(PROVIDER), TICK * (user + system)))
}
