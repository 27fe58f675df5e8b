//! Where clients reach this process: a Unix socket that only its user can open, else a loopback port.

use std::fs::{self, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use nix::unistd::Group;
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener};

use super::connection::Connection;
use super::error::ServeError;
use super::handshake::Endpoint;

/// Longest path of a socket: `sun_path` of Linux without its terminating zero.
const MAX_SOCKET_PATH_BYTES: usize = 107;
const SOCKET_NAME: &str = "plugin.sock";

/// An address as the handshake line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Path of a Unix socket.
    Unix(PathBuf),
    /// Loopback address and port.
    Tcp(SocketAddr),
}

impl Address {
    /// Go's name of the network.
    pub(crate) fn network(&self) -> &'static str {
        match self {
            Self::Unix(_) => "unix",
            Self::Tcp(_) => "tcp",
        }
    }

    /// The address without its network.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Unix(path) => path.display().to_string(),
            Self::Tcp(address) => address.to_string(),
        }
    }
}

/// A bound listener. Dropping it removes the socket and its directory.
#[derive(Debug)]
pub(crate) enum Listener {
    /// On a Unix socket.
    Unix {
        /// The socket.
        socket: UnixListener,
        /// The directory of its own that holds it.
        directory: TempDir,
    },
    /// On a loopback port.
    Tcp {
        /// The socket.
        socket: TcpListener,
        /// What it is bound to.
        address: SocketAddr,
    },
}

impl Listener {
    /// Binds a Unix socket, or a port if the socket's path would be too long.
    ///
    /// # Errors
    /// If neither can be bound, or the socket cannot be given to the group.
    pub(crate) async fn bind(endpoint: &Endpoint) -> Result<Self, ServeError> {
        let directory = make_directory(&endpoint.directory)?;
        let path = directory.path().join(SOCKET_NAME);
        if path.as_os_str().as_bytes().len() > MAX_SOCKET_PATH_BYTES {
            return bind_port(endpoint).await;
        }
        let socket =
            UnixListener::bind(&path).map_err(|source| ServeError::Socket { path: path.clone(), source })?;
        if let Some(group) = &endpoint.group {
            open_to_group(&path, directory.path(), group)
                .map_err(|source| ServeError::SocketGroup { group: group.clone(), source })?;
        }
        Ok(Self::Unix { socket, directory })
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> Address {
        match self {
            Self::Unix { directory, .. } => Address::Unix(directory.path().join(SOCKET_NAME)),
            Self::Tcp { address, .. } => Address::Tcp(*address),
        }
    }

    /// Waits for the next client.
    ///
    /// # Errors
    /// Those of `accept`; the listener stays usable.
    pub(crate) async fn accept(&self) -> io::Result<Connection> {
        Ok(match self {
            Self::Unix { socket, .. } => Connection::new(socket.accept().await?.0),
            Self::Tcp { socket, .. } => {
                let (stream, _) = socket.accept().await?;
                stream.set_nodelay(true)?;
                Connection::new(stream)
            }
        })
    }
}

fn make_directory(parent: &Path) -> Result<TempDir, ServeError> {
    tempfile::Builder::new()
        .prefix("lakedr-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(|source| ServeError::SocketDirectory { directory: parent.to_owned(), source })
}

/// Lets the group through the directory and connect to the socket.
fn open_to_group(socket: &Path, directory: &Path, group: &str) -> io::Result<()> {
    let number = group_number(group)?;
    chown(directory, None, Some(number))?;
    chown(socket, None, Some(number))?;
    fs::set_permissions(socket, Permissions::from_mode(0o660))?;
    fs::set_permissions(directory, Permissions::from_mode(0o710))
}

fn group_number(group: &str) -> io::Result<u32> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let known = Group::from_name(group)?;
    known
        .map(|group| group.gid.as_raw())
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "unknown group"))
}

async fn bind_port(endpoint: &Endpoint) -> Result<Listener, ServeError> {
    let address = Ipv4Addr::LOCALHOST;
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in endpoint.ports.clone() {
        match TcpListener::bind((address, port)).await.and_then(|socket| Ok((socket.local_addr()?, socket))) {
            Ok((address, socket)) => return Ok(Listener::Tcp { socket, address }),
            Err(error) => last = error,
        }
    }
    Err(ServeError::NoPort { address, ports: endpoint.ports.clone(), source: last })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(directory: &Path) -> Endpoint {
        Endpoint { directory: directory.to_owned(), group: None, ports: 0..=0 }
    }

    #[tokio::test]
    async fn only_the_user_can_open_the_socket_and_nothing_stays_behind() {
        let parent = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&endpoint(parent.path())).await.unwrap();
        let Address::Unix(socket) = listener.address() else { panic!("{listener:?}") };
        let mode = fs::metadata(socket.parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(listener);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_group_may_connect_if_the_host_says_so() {
        let parent = tempfile::tempdir().unwrap();
        let own_group = nix::unistd::getegid().to_string();
        let listener = Listener::bind(&Endpoint { group: Some(own_group), ..endpoint(parent.path()) }).await;
        let Address::Unix(socket) = listener.as_ref().unwrap().address() else { panic!("{listener:?}") };
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(fs::metadata(socket.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o710);
    }

    #[tokio::test]
    async fn an_unknown_group_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let group = Some("no such group".to_owned());
        let error = Listener::bind(&Endpoint { group, ..endpoint(parent.path()) }).await.unwrap_err();
        assert!(error.to_string().contains("no such group"), "{error}");
    }

    #[tokio::test]
    async fn a_path_too_long_for_a_socket_gives_a_port_of_the_range() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let busy = taken.local_addr().unwrap().port();
        let ports = busy..=busy.saturating_add(50);
        let listener = Listener::bind(&Endpoint { ports: ports.clone(), ..endpoint(&deep) }).await.unwrap();
        let Address::Tcp(address) = listener.address() else { panic!("{listener:?}") };
        assert!(address.ip().is_loopback() && ports.contains(&address.port()) && address.port() != busy);
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_range_that_is_taken_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Listener::bind(&Endpoint { ports: port..=port, ..endpoint(&deep) }).await.unwrap_err();
        assert!(error.to_string().contains(&format!("from {port} to {port}")), "{error}");
    }

    #[tokio::test]
    async fn a_missing_directory_is_named() {
        let error = Listener::bind(&endpoint(Path::new("/no/such/directory"))).await.unwrap_err();
        assert!(error.to_string().contains("/no/such/directory"), "{error}");
    }
}
