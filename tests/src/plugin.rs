//! The provider as a plugin, started by hand instead of by Terraform.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::environment;
use crate::process_group::ProcessGroup;

/// The cookie of Terraform and OpenTofu.
pub const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
const SERVER_NAME: &str = "localhost";

/// Certificate and key of a go-plugin host: P-521, and a CA certificate.
#[derive(Debug)]
pub struct Host {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Host {
    /// A host that nobody has met.
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512)?;
        let mut parameters = CertificateParams::new([SERVER_NAME.to_owned()])?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self { certificate: parameters.self_signed(&key)?, key })
    }

    /// The certificate as `PLUGIN_CLIENT_CERT` holds it.
    #[must_use]
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The key of the certificate, for programs that read it from a file.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// TLS towards a plugin, offering HTTP/2; `who` is shown if the plugin asks.
    ///
    /// # Errors
    /// The plugin's certificate is none.
    pub fn client_config(plugin: &CertificateDer<'static>, who: Option<&Self>) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(plugin.clone())?;
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match who {
            None => builder.with_no_client_auth(),
            Some(host) => {
                let key = PrivatePkcs8KeyDer::from(host.key.serialize_der());
                builder.with_client_auth_cert(vec![host.certificate.der().clone()], key.into())?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

/// What the provider printed on its first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeLine {
    /// Version of the handshake.
    pub core: String,
    /// Major version of tfplugin.
    pub protocol: String,
    /// `unix` or `tcp`.
    pub network: String,
    /// Path or address.
    pub address: String,
    /// The plugin's certificate, if it speaks TLS.
    pub certificate: Option<CertificateDer<'static>>,
}

impl HandshakeLine {
    /// Reads the line.
    ///
    /// # Errors
    /// It does not have the six fields of a gRPC plugin.
    pub fn parse(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.trim_end_matches('\n').split('|').collect();
        let [core, protocol, network, address, "grpc", certificate] = fields[..] else {
            bail!("{line:?} is no handshake line");
        };
        let certificate = match certificate {
            "" => None,
            text => Some(CertificateDer::from(STANDARD_NO_PAD.decode(text)?)),
        };
        let [core, protocol, network, address] = [core, protocol, network, address].map(str::to_owned);
        Ok(Self { core, protocol, network, address, certificate })
    }
}

/// The command that starts the provider with no variable of a host.
///
/// # Errors
/// The provider is not built.
pub fn command() -> Result<Command> {
    let mut command = Command::new(program()?);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["TF_", "PLUGIN_", "LAKEDR_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    Ok(command)
}

fn program() -> Result<PathBuf> {
    environment::program("terraform-provider-lakedr")
}

/// A started provider. Dropping it kills it.
#[derive(Debug)]
pub struct Plugin {
    group: ProcessGroup,
    /// What it said on its first line.
    pub handshake: HandshakeLine,
    /// From the start of the process to the line.
    pub ready_after: Duration,
    rest_of_stdout: JoinHandle<String>,
    /// Holds what a killed process leaves behind.
    _temporary: TempDir,
}

impl Plugin {
    /// Starts the provider as a host does; with a host it speaks TLS.
    ///
    /// # Errors
    /// It does not print a handshake line.
    pub fn start(host: Option<&Host>, versions: &str) -> Result<Self> {
        let mut command = command()?;
        command.env("TF_PLUGIN_MAGIC_COOKIE", COOKIE).env("PLUGIN_PROTOCOL_VERSIONS", versions);
        if let Some(host) = host {
            command.env("PLUGIN_CLIENT_CERT", host.pem());
        }
        Self::start_command(command)
    }

    /// Starts a prepared command, which has to behave as a plugin.
    ///
    /// # Errors
    /// It does not print a handshake line.
    pub fn start_command(mut command: Command) -> Result<Self> {
        let temporary = tempfile::tempdir()?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).env("TMPDIR", temporary.path());
        let start = Instant::now();
        let mut group = ProcessGroup::spawn(&mut command)?;
        let mut stdout = BufReader::new(group.child().stdout.take().context("standard output")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let ready_after = start.elapsed();
        let handshake = HandshakeLine::parse(&line)?;
        let rest_of_stdout = std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = stdout.read_to_string(&mut rest);
            rest
        });
        Ok(Self { group, handshake, ready_after, rest_of_stdout, _temporary: temporary })
    }

    /// Process id.
    pub fn id(&mut self) -> u32 {
        self.group.child().id()
    }

    /// A channel for clients; `who` authenticates it if the plugin speaks TLS.
    ///
    /// # Errors
    /// The plugin turns the caller away.
    pub async fn connect(&self, who: Option<&Host>) -> Result<Channel> {
        let handshake = self.handshake.clone();
        let tls = match &handshake.certificate {
            None => None,
            Some(certificate) => Some(Arc::new(Host::client_config(certificate, who)?)),
        };
        let connector = tower::service_fn(move |_: Uri| {
            let (handshake, tls) = (handshake.clone(), tls.clone());
            async move { open(&handshake, tls).await.map(TokioIo::new) }
        });
        // the address is a formality: the connector knows better
        Ok(Endpoint::from_static("http://localhost").connect_with_connector(connector).await?)
    }

    /// A TLS connection below gRPC.
    ///
    /// # Errors
    /// The plugin speaks plain text or turns the caller away during the handshake.
    pub async fn connect_tls(&self, config: ClientConfig) -> Result<TlsStream<UnixStream>> {
        let socket = UnixStream::connect(&self.handshake.address).await?;
        tls_over(socket, Arc::new(config)).await
    }

    /// Waits for the process to end: its exit code, and what it wrote to stdout after the handshake line.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn wait(mut self, within: Duration) -> Result<(Option<i32>, String)> {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.group.child().try_wait()? {
                break status;
            }
            ensure!(start.elapsed() < within, "the provider has not ended after {within:?}");
            std::thread::sleep(Duration::from_millis(5));
        };
        let rest = self.rest_of_stdout.join().map_err(|_| anyhow::anyhow!("standard output"))?;
        Ok((status.code(), rest))
    }
}

/// Anything that gRPC can run over.
trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

async fn open(at: &HandshakeLine, tls: Option<Arc<ClientConfig>>) -> Result<Box<dyn Transport>> {
    let stream: Box<dyn Transport> = match at.network.as_str() {
        "tcp" => Box::new(TcpStream::connect(&at.address).await?),
        _ => Box::new(UnixStream::connect(&at.address).await?),
    };
    Ok(match tls {
        Some(config) => Box::new(tls_over(stream, config).await?),
        None => stream,
    })
}

async fn tls_over<T: Transport>(stream: T, config: Arc<ClientConfig>) -> Result<TlsStream<T>> {
    Ok(TlsConnector::from(config).connect(ServerName::try_from(SERVER_NAME)?, stream).await?)
}
