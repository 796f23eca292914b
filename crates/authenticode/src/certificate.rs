//! X.509 certificates of signing keys.

use sha2::{Digest, Sha256};

use crate::der::{
    self, BIT_STRING, CONTEXT_0, DerError, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET,
};
use crate::key::{KeyError, SigningKey};

/// `rsaEncryption`, PKCS #1.
pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `sha256WithRSAEncryption`, PKCS #1.
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `id-ce-keyUsage`, 2.5.29.15.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// `id-ce-extKeyUsage`, 2.5.29.37.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// `id-kp-codeSigning`, 1.3.6.1.5.5.7.3.3.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BOOLEAN_TRUE: &[u8] = &[0x01, 0x01, 0xff];

/// Why a certificate cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is not an X.509 certificate.
    #[error("the certificate is malformed")]
    Form(#[from] DerError),
    /// It is not in the text form.
    #[error("the certificate is not in PEM form")]
    NotPem,
    /// Its key is not RSA.
    #[error("the certificate's key is not an RSA key")]
    NotRsa,
    /// It could not be signed.
    #[error("sign the certificate")]
    Key(#[from] KeyError),
}

/// A certificate of an RSA key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    public_key: Vec<u8>,
}

impl Certificate {
    /// Makes a certificate for a key, signed by that key. It has no end: firmware does not look
    /// at its clock, and a node must not stop booting on a day.
    ///
    /// # Errors
    /// [`CertificateError::Key`].
    pub fn self_signed(key: &SigningKey, common_name: &str) -> Result<Self, CertificateError> {
        let identifier = Sha256::digest(key.public());
        // Sixteen bytes of the key's hash, positive and without a leading zero.
        let mut serial = identifier.get(..16).unwrap_or_default().to_vec();
        if let Some(first) = serial.first_mut() {
            *first = *first & 0x7f | 0x40;
        }
        let name = name(common_name);
        let validity = der::sequence(&[
            &der::value(UTC_TIME, b"250101000000Z"),
            &der::value(GENERALIZED_TIME, b"99991231235959Z"),
        ]);
        let key_bits = [&[0], key.public()].concat();
        let public_key = der::sequence(&[&der::algorithm(RSA), &der::value(BIT_STRING, &key_bits)]);
        let body = der::sequence(&[
            &der::nest(CONTEXT_0, &[&der::value(INTEGER, &[2])]),
            &der::value(INTEGER, &serial),
            &der::algorithm(RSA_SHA256),
            &name,
            &validity,
            &name,
            &public_key,
            &extensions(),
        ]);
        let signature = [vec![0], key.sign(&body)?].concat();
        let whole = der::sequence(&[
            &body,
            &der::algorithm(RSA_SHA256),
            &der::value(BIT_STRING, &signature),
        ]);
        Self::from_der(whole)
    }

    /// Reads a certificate.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        let mut body = Reader::new(&der).enter(SEQUENCE)?.enter(SEQUENCE)?;
        body.optional(CONTEXT_0)?;
        let serial = body.expect(INTEGER)?.whole.to_vec();
        body.expect(SEQUENCE)?;
        let issuer = body.expect(SEQUENCE)?.whole.to_vec();
        body.expect(SEQUENCE)?;
        body.expect(SEQUENCE)?;
        let mut key = body.enter(SEQUENCE)?;
        if key.enter(SEQUENCE)?.expect(OID)?.content != RSA {
            return Err(CertificateError::NotRsa);
        }
        let bits = key.expect(BIT_STRING)?.content;
        let public_key = bits.get(1..).unwrap_or_default().to_vec();
        Ok(Self {
            issuer,
            serial,
            public_key,
            der,
        })
    }

    /// Reads the text form, `BEGIN CERTIFICATE`.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let block = pem::parse(text).map_err(|_error| CertificateError::NotPem)?;
        Self::from_der(block.into_contents())
    }

    /// The text form.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(&pem::Pem::new("CERTIFICATE", self.der.clone()))
    }

    /// The certificate's bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// `RSAPublicKey` of PKCS #1.
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// `IssuerAndSerialNumber`: how a signature names this certificate.
    pub(crate) fn identity(&self) -> Vec<u8> {
        der::sequence(&[&self.issuer, &self.serial])
    }
}

fn name(common_name: &str) -> Vec<u8> {
    let text = der::value(UTF8_STRING, common_name.as_bytes());
    let attribute = der::sequence(&[&der::value(OID, COMMON_NAME), &text]);
    der::sequence(&[&der::nest(SET, &[&attribute])])
}

fn extensions() -> Vec<u8> {
    // Bit 0, digitalSignature; seven bits of the byte are unused.
    let usage = der::value(BIT_STRING, &[7, 0x80]);
    let usage = der::sequence(&[
        &der::value(OID, KEY_USAGE),
        BOOLEAN_TRUE,
        &der::value(OCTET_STRING, &usage),
    ]);
    let purpose = der::sequence(&[&der::value(OID, CODE_SIGNING)]);
    let purpose = der::sequence(&[
        &der::value(OID, EXTENDED_KEY_USAGE),
        &der::value(OCTET_STRING, &purpose),
    ]);
    der::nest(0xa3, &[&der::sequence(&[&usage, &purpose])])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Signer;

    #[test]
    fn a_certificate_belongs_to_its_key_only() {
        let key = SigningKey::generate().unwrap();
        let certificate = Certificate::self_signed(&key, "test").unwrap();
        let again = Certificate::from_der(certificate.der().to_vec()).unwrap();
        assert_eq!(again, certificate);
        let other = SigningKey::generate().unwrap();
        let error = Signer::new(other, certificate.clone()).unwrap_err();
        assert_eq!(error, KeyError::OtherCertificate);
        let key = SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        Signer::new(key, certificate).unwrap();
    }

    #[test]
    fn the_same_key_gives_the_same_certificate() {
        let key = SigningKey::generate().unwrap();
        let make = || Certificate::self_signed(&key, "test").unwrap();
        assert_eq!(make(), make());
    }

    #[test]
    fn refuses_what_is_no_certificate() {
        assert!(Certificate::from_der(vec![]).is_err());
        let key = SigningKey::generate().unwrap();
        assert!(Certificate::from_der(key.to_pkcs8().unwrap()).is_err());
    }
}
