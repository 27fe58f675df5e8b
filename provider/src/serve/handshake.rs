//! The agreement with the host: which protocol, over what, authenticated how. Pure.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::environment::HostEnvironment;
use super::error::ServeError;
use super::listener::Address;

/// The cookie of Terraform and OpenTofu. It keeps users from starting a plugin by hand; it is no secret.
const COOKIE_VALUE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
/// Version of the handshake itself.
const CORE_PROTOCOL: u32 = 1;
/// Major versions of tfplugin that this program serves.
const SUPPORTED_PROTOCOLS: [u32; 1] = [6];

/// What host and plugin agreed on before anything is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// Major version of tfplugin.
    pub(crate) protocol: u32,
    /// The one certificate that clients may present; without it the server speaks plain text.
    pub(crate) client_certificate: Option<CertificateDer<'static>>,
    /// Where to listen.
    pub(crate) endpoint: Endpoint,
    /// Whether the host wants to hear about multiplexing.
    pub(crate) mentions_multiplexing: bool,
}

/// Where a server may listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Directory in which a directory for the socket is made.
    pub(crate) directory: PathBuf,
    /// Name or number of a group that may connect besides the user.
    pub(crate) group: Option<String>,
    /// Ports to choose from if no Unix socket can be used; 0 stands for any.
    pub(crate) ports: RangeInclusive<u16>,
}

impl Handshake {
    /// Agrees with a host.
    ///
    /// # Errors
    /// If the process was not started by a host, or the host's certificate or ports cannot be read.
    pub(crate) fn with_host(host: &HostEnvironment) -> Result<Self, ServeError> {
        if host.cookie.as_deref() != Some(COOKIE_VALUE) {
            return Err(ServeError::NotATerraformPlugin);
        }
        let client_certificate = host.client_certificate.as_deref().map(decode_certificate).transpose()?;
        Ok(Self {
            protocol: agree(host.protocol_versions.as_deref(), &SUPPORTED_PROTOCOLS),
            client_certificate,
            endpoint: Endpoint::for_host(host)?,
            mentions_multiplexing: host.multiplex.is_some(),
        })
    }

    /// The line that tells the host how to connect, ending in a newline.
    ///
    /// The certificate is the server's own; go-plugin wants its DER in base64 without padding.
    pub(crate) fn line(&self, address: &Address, certificate: Option<&CertificateDer<'_>>) -> String {
        let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
        let multiplexing = if self.mentions_multiplexing { "|false" } else { "" };
        format!(
            "{CORE_PROTOCOL}|{}|{}|{}|grpc|{certificate}{multiplexing}\n",
            self.protocol, address.network, address.text,
        )
    }
}

impl Endpoint {
    /// Where this host wants its plugins to listen.
    ///
    /// # Errors
    /// If the ports are given and are not a range.
    pub(crate) fn for_host(host: &HostEnvironment) -> Result<Self, ServeError> {
        let directory = host.socket_directory.as_ref().unwrap_or(&host.temporary_directory).clone();
        let ports = port_range(host.min_port.as_deref(), host.max_port.as_deref())?;
        Ok(Self { directory, group: host.socket_group.clone(), ports })
    }
}

/// The highest version both sides speak; if there is none our lowest, so that the host reports both sides.
fn agree(offered: Option<&str>, supported: &[u32]) -> u32 {
    let offered: Vec<u32> =
        offered.unwrap_or_default().split(',').filter_map(|version| version.trim().parse().ok()).collect();
    let common = supported.iter().filter(|version| offered.contains(version)).max();
    common.or_else(|| supported.iter().min()).copied().unwrap_or_default()
}

fn decode_certificate(pem: &str) -> Result<CertificateDer<'static>, ServeError> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| ServeError::ClientCertificate { problem: error.to_string() })
}

fn port_range(min: Option<&str>, max: Option<&str>) -> Result<RangeInclusive<u16>, ServeError> {
    if min.is_none() && max.is_none() {
        return Ok(0..=0);
    }
    let (min, max) = (min.unwrap_or("1"), max.unwrap_or("65535"));
    match (min.parse(), max.parse()) {
        (Ok(low), Ok(high)) if low <= high => Ok(low..=high),
        _ => Err(ServeError::PortRange { min: min.to_owned(), max: max.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> HostEnvironment {
        HostEnvironment {
            cookie: Some(COOKIE_VALUE.to_owned()),
            temporary_directory: PathBuf::from("/tmp"),
            ..HostEnvironment::default()
        }
    }

    #[test]
    fn a_process_without_the_cookie_is_not_a_plugin() {
        for cookie in [None, Some("wrong".to_owned())] {
            let refused = Handshake::with_host(&HostEnvironment { cookie, ..host() });
            assert!(matches!(refused, Err(ServeError::NotATerraformPlugin)), "{refused:?}");
        }
    }

    #[test]
    fn versions_are_a_set() {
        for (offered, supported, agreed) in [
            (Some("5,6"), &[6][..], 6),
            (Some("6,5"), &[6], 6),
            (Some(" 6 , x,5"), &[6], 6),
            (Some("5"), &[6], 6),
            (None, &[6], 6),
            (Some("6,7,5"), &[6, 7, 8], 7),
            (Some("4"), &[7, 6], 6),
        ] {
            assert_eq!(agree(offered, supported), agreed, "{offered:?} with {supported:?}");
        }
    }

    #[test]
    fn ports_are_a_range_or_any() {
        for (min, max, range) in [
            (None, None, Some(0..=0)),
            (Some("10000"), Some("25000"), Some(10000..=25000)),
            (Some("10"), None, Some(10..=65535)),
            (None, Some("10"), Some(1..=10)),
            (Some("2"), Some("1"), None),
            (Some("x"), Some("1"), None),
            (Some("1"), Some("70000"), None),
        ] {
            assert_eq!(port_range(min, max).ok(), range, "{min:?} to {max:?}");
        }
    }

    #[test]
    fn the_line_has_six_fields_and_an_unpadded_certificate() {
        let handshake = Handshake::with_host(&host()).unwrap();
        let unix = Address { network: "unix", text: "/tmp/x/sock".to_owned() };
        assert_eq!(handshake.line(&unix, None), "1|6|unix|/tmp/x/sock|grpc|\n");
        let tcp = Address { network: "tcp", text: "127.0.0.1:10000".to_owned() };
        let one_byte = CertificateDer::from(vec![0xff]);
        assert_eq!(handshake.line(&tcp, Some(&one_byte)), "1|6|tcp|127.0.0.1:10000|grpc|/w\n");
    }

    #[test]
    fn multiplexing_is_declined_only_where_the_host_asks() {
        let asked = HostEnvironment { multiplex: Some("true".to_owned()), ..host() };
        let socket = Address { network: "unix", text: "/s".to_owned() };
        let line = Handshake::with_host(&asked).unwrap().line(&socket, None);
        assert_eq!(line, "1|6|unix|/s|grpc||false\n");
    }

    #[test]
    fn the_socket_goes_where_the_host_says() {
        let said = HostEnvironment {
            socket_directory: Some("/run/plugins".into()),
            socket_group: Some("staff".to_owned()),
            ..host()
        };
        let endpoint = Handshake::with_host(&said).unwrap().endpoint;
        let expected =
            Endpoint { directory: "/run/plugins".into(), group: Some("staff".to_owned()), ports: 0..=0 };
        assert_eq!(endpoint, expected);
    }

    #[test]
    fn a_certificate_that_is_not_pem_is_an_error() {
        let broken = HostEnvironment { client_certificate: Some("no pem".to_owned()), ..host() };
        let error = Handshake::with_host(&broken).unwrap_err().to_string();
        assert!(error.contains("PLUGIN_CLIENT_CERT"), "{error}");
    }
}
