//! A port of the loopback interface. Any process of the machine can connect to it; mutual TLS says who is served.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use tokio::net::TcpListener;

use super::Address;
use crate::serve::connection::Connection;
use crate::serve::error::ServeError;

/// A bound port.
#[derive(Debug)]
pub(crate) struct Port {
    socket: TcpListener,
    address: SocketAddr,
}

impl Port {
    /// Binds the first port of the range that is free; 0 stands for any.
    ///
    /// # Errors
    /// If none is.
    pub(super) async fn bind(ports: &RangeInclusive<u16>) -> Result<Self, ServeError> {
        let address = Ipv4Addr::LOCALHOST;
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for port in ports.clone() {
            let bound = TcpListener::bind((address, port)).await;
            match bound.and_then(|socket| Ok(Self { address: socket.local_addr()?, socket })) {
                Ok(bound) => return Ok(bound),
                Err(error) => last = error,
            }
        }
        Err(ServeError::NoPort { address, ports: ports.clone(), source: last })
    }

    pub(super) fn address(&self) -> Address {
        Address { network: "tcp", text: self.address.to_string() }
    }

    pub(super) async fn accept(&self) -> io::Result<Connection> {
        let (stream, _) = self.socket.accept().await?;
        stream.set_nodelay(true)?;
        Ok(Connection::new(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port that somebody else has.
    async fn taken() -> (TcpListener, u16) {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        (socket, port)
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over() {
        let (_other, busy) = taken().await;
        let ports = busy..=busy.saturating_add(50);
        let bound = Port::bind(&ports).await.unwrap().address();
        assert_eq!(bound.network, "tcp");
        let address: SocketAddr = bound.text.parse().unwrap();
        assert!(address.ip().is_loopback() && ports.contains(&address.port()) && address.port() != busy);
    }

    #[tokio::test]
    async fn a_range_that_is_taken_is_named() {
        let (_other, port) = taken().await;
        let error = Port::bind(&(port..=port)).await.unwrap_err();
        assert!(error.to_string().contains(&format!("from {port} to {port}")), "{error}");
    }
}
