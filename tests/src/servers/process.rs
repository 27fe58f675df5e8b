//! A server as a child process: free port, log file, wait until it listens.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::process_group::ProcessGroup;

/// How long a server may take until it listens, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often a start is tried when the server ends before it listens: its port may have been taken meanwhile.
const STARTS: usize = 3;

/// A running server and the folder that it works in. Dropping it ends the server and removes the folder.
#[derive(Debug)]
pub(super) struct ServerProcess {
    // before `dir`: the server ends before its folder goes
    _group: ProcessGroup,
    port: u16,
    dir: TempDir,
}

impl ServerProcess {
    /// Starts `command(port, data folder)` and waits until the port accepts connections.
    pub(super) fn start(name: &str, command: impl Fn(u16, &Path) -> Command) -> Result<Self> {
        Self::start_in(name, &[], command)
    }

    /// As [`Self::start`], with these folders in the data folder.
    pub(super) fn start_in(
        name: &str,
        folders: &[&str],
        command: impl Fn(u16, &Path) -> Command,
    ) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix(&format!("lakedr-{name}-")).tempdir()?;
        let data = dir.path().join("data");
        std::fs::create_dir_all(&data)?;
        folders.iter().try_for_each(|folder| std::fs::create_dir(data.join(folder)))?;
        let log = dir.path().join("server.log");
        for _ in 0..STARTS {
            let port = free_port()?;
            let file = File::create(&log)?;
            let mut command = command(port, &data);
            command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
            let mut group = ProcessGroup::spawn(&mut command)?;
            if listens(&mut group, port)? {
                return Ok(Self { _group: group, port, dir });
            }
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        bail!("{name} was started {STARTS} times and did not listen; it said\n{said}");
    }

    /// Where the server listens.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", address(self.port))
    }

    /// The folder in which the server keeps its objects.
    pub(super) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(address(0))?.local_addr()?.port())
}

/// False when the server ended or the time is over.
fn listens(group: &mut ProcessGroup, port: u16) -> Result<bool> {
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline && group.child().try_wait()?.is_none() {
        if TcpStream::connect(address(port)).is_ok() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(false)
}
