//! Where clients reach this process: a Unix socket that only its user can open, else a loopback port. Windows has the port
//! only, as hosts there expect it.

mod port;
#[cfg(unix)]
mod socket;

use std::io;

use super::connection::Connection;
use super::error::ServeError;
use super::handshake::Endpoint;
use port::Port;

/// An address as the handshake line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Go's name of the network: `unix` or `tcp`.
    pub(crate) network: &'static str,
    /// The path of the socket, or loopback address and port.
    pub(crate) text: String,
}

/// A bound listener. Dropping it removes what it has in the file system.
#[derive(Debug)]
pub(crate) enum Listener {
    /// On a Unix socket.
    #[cfg(unix)]
    Socket(socket::Socket),
    /// On a loopback port.
    Port(Port),
}

impl Listener {
    /// Binds a Unix socket, or a port where there are none or the socket's path would be too long.
    ///
    /// # Errors
    /// If neither can be bound, or the socket cannot be given to the group.
    pub(crate) async fn bind(endpoint: &Endpoint) -> Result<Self, ServeError> {
        #[cfg(unix)]
        if let Some(socket) = socket::Socket::bind(endpoint)? {
            return Ok(Self::Socket(socket));
        }
        Port::bind(&endpoint.ports).await.map(Self::Port)
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> Address {
        match self {
            #[cfg(unix)]
            Self::Socket(socket) => socket.address(),
            Self::Port(port) => port.address(),
        }
    }

    /// Waits for the next client.
    ///
    /// # Errors
    /// Those of `accept`; the listener stays usable.
    pub(crate) async fn accept(&self) -> io::Result<Connection> {
        match self {
            #[cfg(unix)]
            Self::Socket(socket) => socket.accept().await,
            Self::Port(port) => port.accept().await,
        }
    }
}
