//! Why the provider cannot be served.

use std::io;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use thiserror::Error;

use super::environment::{CLIENT_CERT, COOKIE, MAX_PORT, MIN_PORT, SOCKET_DIR, SOCKET_GROUP};

/// Why the provider cannot be served. Printed on stderr, exit code 1.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The process was started by hand.
    #[error(
        "this program is a plugin of terraform and is started by it ({COOKIE} is not set as terraform \
         sets it); run terraform with a provider block for \"lakedr\", or use --debug to attach to it"
    )]
    NotATerraformPlugin,

    /// The ports that may be listened on are not numbers in order.
    #[error("{MIN_PORT}={min:?} and {MAX_PORT}={max:?} are not a range of ports; unset both to use any port")]
    PortRange {
        /// Lower end as given.
        min: String,
        /// Upper end as given.
        max: String,
    },

    /// The host's certificate cannot be read.
    #[error(
        "the certificate in {CLIENT_CERT} is not PEM: {problem}; unset it only together with the host's TLS"
    )]
    ClientCertificate {
        /// What the PEM parser says.
        problem: String,
    },

    /// The socket's directory cannot be made.
    #[error("no directory for the socket in {}; set {SOCKET_DIR} to one that may be written to", directory.display())]
    SocketDirectory {
        /// Where it was to be.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// The socket cannot be handed to the group.
    #[error("the socket cannot be given to group {group:?} of {SOCKET_GROUP}; name a group of this user")]
    SocketGroup {
        /// Name or number as given.
        group: String,
        /// Why.
        source: io::Error,
    },

    /// The socket cannot be listened on.
    #[error("cannot listen on {}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// No port can be listened on.
    #[error(
        "no free port on {address} from {} to {}; widen {MIN_PORT} and {MAX_PORT}",
        ports.start(), ports.end()
    )]
    NoPort {
        /// Address of the listener.
        address: Ipv4Addr,
        /// Ports that were tried.
        ports: RangeInclusive<u16>,
        /// Why the last one failed.
        source: io::Error,
    },

    /// The server's certificate cannot be made.
    #[error("no certificate for this process can be made")]
    ServerCertificate {
        /// Why.
        source: rcgen::Error,
    },

    /// TLS cannot be set up with the certificates.
    #[error("tls cannot be set up")]
    Tls {
        /// Why.
        source: rustls::Error,
    },

    /// The operating system refuses what a server needs: threads, signals, standard output.
    #[error("cannot {action}")]
    System {
        /// What was tried, in the infinitive.
        action: &'static str,
        /// Why.
        source: io::Error,
    },

    /// The gRPC server ended by itself.
    #[error("the grpc server failed")]
    Server {
        /// Why.
        source: tonic::transport::Error,
    },
}
