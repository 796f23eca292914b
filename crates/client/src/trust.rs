//! Which certificates are accepted without an authority.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use der::{Decode, Encode};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use x509_cert::Certificate;

/// Accepts certificates by fingerprint; any, when none is given.
#[derive(Debug)]
pub(crate) struct Fingerprints {
    provider: Arc<CryptoProvider>,
    accepted: Vec<String>,
}

/// A certificate is not one of those that are accepted.
#[derive(Debug, thiserror::Error)]
#[error("the certificate has the fingerprint {found}, which is not accepted")]
pub(crate) struct Unexpected {
    pub(crate) found: String,
    pub(crate) accepted: Vec<String>,
}

impl Fingerprints {
    pub(crate) fn new(provider: Arc<CryptoProvider>, accepted: Vec<String>) -> Self {
        Self { provider, accepted }
    }
}

/// Standard base64 of the SHA-256 of the public key.
fn fingerprint(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let key = certificate.tbs_certificate().subject_public_key_info();
    let key = key.to_der().ok()?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key);
    Some(BASE64_STANDARD.encode(digest))
}

impl ServerCertVerifier for Fingerprints {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.accepted.is_empty() {
            return Ok(ServerCertVerified::assertion());
        }
        let found = fingerprint(end_entity).ok_or(CertificateError::BadEncoding)?;
        if self.accepted.contains(&found) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::Other(OtherError(Arc::new(Unexpected {
            found,
            accepted: self.accepted.clone(),
        }))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let schemes = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let schemes = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
