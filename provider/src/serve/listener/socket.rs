//! A Unix socket in a folder of its own.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use nix::unistd::Group;
use tempfile::TempDir;
use tokio::net::UnixListener;

use super::Address;
use crate::serve::connection::Connection;
use crate::serve::error::ServeError;
use crate::serve::handshake::Endpoint;

/// Longest path of a socket: `sun_path` of Linux without its terminating zero.
const MAX_SOCKET_PATH_BYTES: usize = 107;
const SOCKET_NAME: &str = "plugin.sock";

/// A bound socket. Dropping it removes the socket and its folder.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: UnixListener,
    directory: TempDir,
}

impl Socket {
    /// Binds a socket below the endpoint's folder; none if its path would be too long.
    ///
    /// # Errors
    /// If it cannot be bound, or cannot be given to the group.
    pub(super) fn bind(endpoint: &Endpoint) -> Result<Option<Self>, ServeError> {
        let directory = make_directory(&endpoint.directory)?;
        let path = directory.path().join(SOCKET_NAME);
        if path.as_os_str().as_bytes().len() > MAX_SOCKET_PATH_BYTES {
            return Ok(None);
        }
        let socket =
            UnixListener::bind(&path).map_err(|source| ServeError::Socket { path: path.clone(), source })?;
        if let Some(group) = &endpoint.group {
            open_to_group(&path, directory.path(), group)
                .map_err(|source| ServeError::SocketGroup { group: group.clone(), source })?;
        }
        Ok(Some(Self { socket, directory }))
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(SOCKET_NAME)
    }

    pub(super) fn address(&self) -> Address {
        Address { network: "unix", text: self.path().display().to_string() }
    }

    pub(super) async fn accept(&self) -> io::Result<Connection> {
        Ok(Connection::new(self.socket.accept().await?.0))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::listener::Listener;

    fn endpoint(directory: &Path) -> Endpoint {
        Endpoint { directory: directory.to_owned(), group: None, ports: 0..=0 }
    }

    #[tokio::test]
    async fn only_the_user_can_open_the_socket_and_nothing_stays_behind() {
        let parent = tempfile::tempdir().unwrap();
        let socket = Socket::bind(&endpoint(parent.path())).unwrap().unwrap();
        assert_eq!(socket.address().network, "unix");
        let mode = fs::metadata(socket.path().parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(socket);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_group_may_connect_if_the_host_says_so() {
        let parent = tempfile::tempdir().unwrap();
        let own_group = nix::unistd::getegid().to_string();
        let with_group = Endpoint { group: Some(own_group), ..endpoint(parent.path()) };
        let path = Socket::bind(&with_group).unwrap().map(|socket| (socket.path(), socket));
        let (path, _socket) = path.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o710);
    }

    #[tokio::test]
    async fn an_unknown_group_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let group = Some("no such group".to_owned());
        let error = Socket::bind(&Endpoint { group, ..endpoint(parent.path()) }).unwrap_err();
        assert!(error.to_string().contains("no such group"), "{error}");
    }

    #[tokio::test]
    async fn a_path_too_long_for_a_socket_gives_a_port() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        let listener = Listener::bind(&endpoint(&deep)).await.unwrap();
        assert_eq!(listener.address().network, "tcp");
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_missing_directory_is_named() {
        let error = Socket::bind(&endpoint(Path::new("/no/such/directory"))).unwrap_err();
        assert!(error.to_string().contains("/no/such/directory"), "{error}");
    }
}
