//! A network mirror of providers: files of a folder over HTTPS, with a certificate that only whoever is given it trusts.
//! Whatever answers the same to everybody can be had from it, too.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A mirror that serves as long as the process lives.
#[derive(Debug)]
pub struct Mirror {
    address: SocketAddr,
    authority: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Mirror {
    /// Serves a folder.
    ///
    /// # Errors
    /// The certificates cannot be made, or no port is free.
    pub fn of(folder: &Path) -> Result<Self> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &issuer)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )?;
        let (config, folder) = (Arc::new(config), folder.to_path_buf());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (config, folder, kept) = (Arc::clone(&config), folder.clone(), Arc::clone(&kept));
                // a client that went away is its own affair
                std::thread::spawn(move || answer(client, config, &folder, &kept));
            }
        });
        Ok(Self { address, authority: issuer.pem(), asked })
    }

    /// Path and query of every request.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its URL, as a CLI configuration of Terraform names it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}/", self.address.port())
    }

    /// The certificate that signs for it, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

fn answer(
    client: TcpStream,
    config: Arc<ServerConfig>,
    folder: &Path,
    kept: &Mutex<Vec<String>>,
) -> Result<()> {
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, client));
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let path = line.split(' ').nth(1).context("a request has a path")?.trim_start_matches('/').to_owned();
    loop {
        let mut header = String::new();
        if stream.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
    }
    kept.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let file: PathBuf = folder.join(&path);
    let stream = stream.get_mut();
    match std::fs::read(&file) {
        Ok(bytes) => send(stream, "200 OK", kind(&path), &bytes),
        Err(_) => send(stream, "404 Not Found", "text/plain", b""),
    }
}

fn kind(path: &str) -> &'static str {
    if path.ends_with(".json") { "application/json" } else { "application/zip" }
}

fn send(stream: &mut (impl Read + Write), status: &str, kind: &str, body: &[u8]) -> Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)?;
    Ok(stream.flush()?)
}
