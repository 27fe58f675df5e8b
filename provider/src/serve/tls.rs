//! Mutual TLS between this process and the host that started it (go-plugin's AutoMTLS).
//!
//! Both sides make a certificate of their own for this one process and tell the other through the
//! environment and the handshake line. The host trusts ours by having it as its only root. We trust
//! the host's by comparing bytes: it is a CA certificate, which path building would refuse as the
//! certificate of a client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName as Subject, Error, ServerConfig,
    SignatureScheme,
};

use super::error::ServeError;

/// The only name a go-plugin host connects to.
const SERVER_NAME: &str = "localhost";
/// Hosts and containers may disagree about the time by this much.
const BACKDATED: Duration = Duration::from_secs(5 * 60);
/// No run of Terraform lasts this long.
const VALID: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Certificate and key of this process.
pub(crate) struct Identity {
    /// What the handshake line carries.
    pub(crate) certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Makes a certificate that has never been used before.
    ///
    /// # Errors
    /// If there is no randomness to be had.
    pub(crate) fn generate() -> Result<Self, ServeError> {
        let failed = |source| ServeError::ServerCertificate { source };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let certificate = certificate_parameters().map_err(failed)?.self_signed(&key).map_err(failed)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok(Self { certificate: certificate.der().clone(), key: key.into() })
    }
}

fn certificate_parameters() -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new([SERVER_NAME.to_owned()])?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, SERVER_NAME);
    name.push(DnType::OrganizationName, "lakedr");
    parameters.distinguished_name = name;
    parameters.serial_number = Some(SerialNumber::from_slice(uuid::Uuid::new_v4().as_bytes()));
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement];
    parameters.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let now = SystemTime::now();
    parameters.not_before = (now - BACKDATED).into();
    parameters.not_after = (now + VALID).into();
    Ok(parameters)
}

/// TLS for a server that talks to the holder of `client` and to nobody else.
///
/// # Errors
/// If the certificate does not fit its key.
pub(crate) fn server_config(
    identity: Identity,
    client: CertificateDer<'static>,
) -> Result<ServerConfig, ServeError> {
    let failed = |source| ServeError::Tls { source };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = PinnedClient { certificate: client, provider: Arc::clone(&provider) };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![identity.certificate], identity.key)
        .map_err(failed)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Accepts one certificate, byte for byte, from whoever proves to hold its key.
#[derive(Debug)]
struct PinnedClient {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[Subject] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if end_entity.as_ref() == self.certificate.as_ref() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, IsCa, PKCS_ECDSA_P521_SHA512};
    use rustls::client::ResolvesClientCert;
    use rustls::pki_types::ServerName;
    use rustls::sign::CertifiedKey;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

    use super::*;

    /// Certificate and key as go-plugin makes them: P-521, and a CA certificate.
    fn host() -> CertifiedKey {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut parameters = CertificateParams::new([SERVER_NAME.to_owned()]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        CertifiedKey::new(vec![certificate.der().clone()], key)
    }

    /// Shows what it has, whether or not it fits together.
    #[derive(Debug)]
    struct Shows(Option<CertifiedKey>);

    impl ResolvesClientCert for Shows {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            self.0.clone().map(Arc::new)
        }

        fn has_certs(&self) -> bool {
            self.0.is_some()
        }
    }

    fn client(server: &CertificateDer<'static>, shown: Option<CertifiedKey>) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(server.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(Shows(shown)));
        config.alpn_protocols = vec![b"h2".to_vec()];
        ClientConnection::new(Arc::new(config), ServerName::try_from(SERVER_NAME).unwrap()).unwrap()
    }

    /// Lets a server that trusts `trusted` meet a client that shows `shown`.
    fn meet(trusted: &CertifiedKey, shown: Option<CertifiedKey>) -> Result<ServerConnection, Error> {
        let identity = Identity::generate().unwrap();
        let mut client = client(&identity.certificate, shown);
        let config = server_config(identity, trusted.cert[0].clone()).unwrap();
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();
        while server.is_handshaking() || client.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            wire.clear();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets().unwrap();
        }
        Ok(server)
    }

    #[test]
    fn the_host_is_let_in_over_http2() {
        let host = host();
        let server = meet(&host, Some(host.clone())).unwrap();
        assert_eq!(server.alpn_protocol(), Some(&b"h2"[..]));
        assert_eq!(server.peer_certificates(), Some(&host.cert[..]));
    }

    #[test]
    fn another_certificate_is_refused_even_with_the_same_name() {
        let refused = meet(&host(), Some(host())).unwrap_err();
        assert_eq!(refused, Error::from(CertificateError::ApplicationVerificationFailure));
    }

    #[test]
    fn the_right_certificate_without_its_key_is_refused() {
        let host = host();
        let thief = CertifiedKey::new(host.cert.clone(), self::host().key);
        assert_eq!(meet(&host, Some(thief)).unwrap_err(), Error::from(CertificateError::BadSignature));
    }

    #[test]
    fn a_client_without_certificate_is_refused() {
        assert_eq!(meet(&host(), None).unwrap_err(), Error::NoCertificatesPresented);
    }
}
