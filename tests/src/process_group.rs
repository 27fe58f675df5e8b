//! A child process that takes its own children along when it ends.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// A child in a process group of its own. Dropping it kills the group and reaps the child.
#[derive(Debug)]
pub struct ProcessGroup {
    child: Child,
}

impl ProcessGroup {
    /// Starts the command.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.process_group(0).spawn().with_context(|| format!("start {program}"))?;
        Ok(Self { child })
    }

    /// The child: its pipes, its id, whether it has ended.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // the group's id is the child's, which is not given to anybody else before it is reaped below
        if let Ok(id) = i32::try_from(self.child.id()) {
            // it may have ended by itself
            killpg(Pid::from_raw(id), Signal::SIGKILL).ok();
        }
        drop(self.child.wait());
    }
}
