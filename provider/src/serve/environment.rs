//! What the host tells a plugin through environment variables, read once and handed on as values.

use std::env;
use std::path::PathBuf;

/// Holds the magic cookie; tells a plugin that a host started it.
pub(crate) const COOKIE: &str = "TF_PLUGIN_MAGIC_COOKIE";
/// Major protocol versions the host speaks, in any order.
pub(crate) const PROTOCOL_VERSIONS: &str = "PLUGIN_PROTOCOL_VERSIONS";
/// Lowest port for a TCP listener.
pub(crate) const MIN_PORT: &str = "PLUGIN_MIN_PORT";
/// Highest port for a TCP listener.
pub(crate) const MAX_PORT: &str = "PLUGIN_MAX_PORT";
/// The host's certificate in PEM; its presence asks for mutual TLS.
pub(crate) const CLIENT_CERT: &str = "PLUGIN_CLIENT_CERT";
/// Directory for Unix sockets.
pub(crate) const SOCKET_DIR: &str = "PLUGIN_UNIX_SOCKET_DIR";
/// Name or number of the group that may connect to the socket.
pub(crate) const SOCKET_GROUP: &str = "PLUGIN_UNIX_SOCKET_GROUP";
/// Whether the host would multiplex brokered connections over the one it has.
pub(crate) const MULTIPLEX: &str = "PLUGIN_MULTIPLEX_GRPC";

/// The variables of a go-plugin host, as given. An empty variable counts as absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostEnvironment {
    /// [`COOKIE`].
    pub(crate) cookie: Option<String>,
    /// [`PROTOCOL_VERSIONS`].
    pub(crate) protocol_versions: Option<String>,
    /// [`MIN_PORT`].
    pub(crate) min_port: Option<String>,
    /// [`MAX_PORT`].
    pub(crate) max_port: Option<String>,
    /// [`CLIENT_CERT`].
    pub(crate) client_certificate: Option<String>,
    /// [`SOCKET_DIR`].
    pub(crate) socket_directory: Option<PathBuf>,
    /// [`SOCKET_GROUP`].
    pub(crate) socket_group: Option<String>,
    /// [`MULTIPLEX`].
    pub(crate) multiplex: Option<String>,
    /// Directory for temporary files of this system.
    pub(crate) temporary_directory: PathBuf,
}

impl HostEnvironment {
    /// Reads the variables of this process.
    pub(crate) fn of_this_process() -> Self {
        Self {
            cookie: variable(COOKIE),
            protocol_versions: variable(PROTOCOL_VERSIONS),
            min_port: variable(MIN_PORT),
            max_port: variable(MAX_PORT),
            client_certificate: variable(CLIENT_CERT),
            socket_directory: variable(SOCKET_DIR).map(PathBuf::from),
            socket_group: variable(SOCKET_GROUP),
            multiplex: variable(MULTIPLEX),
            temporary_directory: env::temp_dir(),
        }
    }
}

/// The variable's value, unless it is absent, empty or not UTF-8.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
