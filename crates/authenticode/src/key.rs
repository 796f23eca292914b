//! The RSA key that signs.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};

use crate::certificate::Certificate;

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key could be made.
    #[error("make an RSA key")]
    Generate,
    /// The bytes are no RSA key in PKCS #8 form.
    #[error("the key is not an RSA key of 2048 to 8192 bits in PKCS #8 form")]
    Form,
    /// The key refused to sign.
    #[error("sign with the RSA key")]
    Sign,
    /// The certificate is of another key.
    #[error("the certificate belongs to another key")]
    OtherCertificate,
}

/// A private RSA key. UEFI firmware is only sure to know RSA with 2048 bits and SHA-256.
pub struct SigningKey(KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Makes a key of 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Generate`].
    pub fn generate() -> Result<Self, KeyError> {
        KeyPair::generate(KeySize::Rsa2048)
            .map(Self)
            .map_err(|_unspecified| KeyError::Generate)
    }

    /// Reads PKCS #8.
    ///
    /// # Errors
    /// [`KeyError::Form`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        KeyPair::from_pkcs8(der)
            .map(Self)
            .map_err(|_rejected| KeyError::Form)
    }

    /// The key as PKCS #8. It is a secret.
    ///
    /// # Errors
    /// [`KeyError::Form`].
    pub fn to_pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        let der: Pkcs8V1Der<'_> = self.0.as_der().map_err(|_unspecified| KeyError::Form)?;
        Ok(der.as_ref().to_vec())
    }

    /// Reads the text form, `BEGIN PRIVATE KEY`.
    ///
    /// # Errors
    /// [`KeyError::Form`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::parse(text).map_err(|_error| KeyError::Form)?;
        Self::from_pkcs8(block.contents())
    }

    /// The text form. It is a secret.
    ///
    /// # Errors
    /// [`KeyError::Form`].
    pub fn to_pem(&self) -> Result<String, KeyError> {
        Ok(pem::encode(&pem::Pem::new("PRIVATE KEY", self.to_pkcs8()?)))
    }

    /// The public key as `RSAPublicKey` of PKCS #1.
    pub(crate) fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// Signs with PKCS #1 1.5 and SHA-256, which takes no random number.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_unspecified| KeyError::Sign)?;
        Ok(signature)
    }
}

/// A key together with the certificate that firmware knows it by.
#[derive(Debug)]
pub struct Signer {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Certificate,
}

impl Signer {
    /// Joins a key and its certificate.
    ///
    /// # Errors
    /// [`KeyError::OtherCertificate`].
    pub fn new(key: SigningKey, certificate: Certificate) -> Result<Self, KeyError> {
        if certificate.public_key() != key.public() {
            return Err(KeyError::OtherCertificate);
        }
        Ok(Self { key, certificate })
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}
