//! Ed25519 keys, in the shapes that the certificate builder and rustls want.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use der::asn1::BitString;
use der::oid::ObjectIdentifier;
use der::{Decode, Document, Encode};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey,
    SignatureBitStringEncoding, SubjectPublicKeyInfoOwned,
};

use crate::PkiError;

/// RFC 8410, section 3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A private key and its public key.
pub struct KeyPair(Ed25519KeyPair);

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").finish_non_exhaustive()
    }
}

impl KeyPair {
    /// A new key.
    ///
    /// # Errors
    /// [`PkiError::Key`] when the system gives no random numbers.
    pub fn generate() -> Result<Self, PkiError> {
        let key = Ed25519KeyPair::generate();
        Ok(Self(key.map_err(|error| PkiError::Key(error.to_string()))?))
    }

    /// The key that [`Self::private_der`] has given.
    ///
    /// # Errors
    /// [`PkiError::Key`] when this is no such key.
    pub fn from_private_der(bytes: &[u8]) -> Result<Self, PkiError> {
        let key = Ed25519KeyPair::from_pkcs8(bytes);
        Ok(Self(key.map_err(|error| PkiError::Key(error.to_string()))?))
    }

    /// The private key as rustls wants it.
    ///
    /// # Errors
    /// [`PkiError::Key`] when it cannot be encoded.
    pub fn private_der(&self) -> Result<PrivateKeyDer<'static>, PkiError> {
        let encoded = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&self.0);
        let encoded = encoded.map_err(|error| PkiError::Key(error.to_string()))?;
        let bytes = encoded.as_ref().to_vec();
        Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bytes)))
    }

    /// The public key with its algorithm.
    pub(crate) fn public_info(&self) -> spki::Result<SubjectPublicKeyInfoOwned> {
        let document = PublicKey(self.0.public_key().as_ref().to_vec()).to_public_key_der()?;
        Ok(SubjectPublicKeyInfoOwned::from_der(document.as_bytes())?)
    }

    /// Standard base64 of the SHA-256 of the public key: what people compare.
    ///
    /// # Errors
    /// [`PkiError::Key`] when it cannot be encoded.
    pub fn fingerprint(&self) -> Result<String, PkiError> {
        let refuse = |error: &dyn fmt::Display| PkiError::Key(error.to_string());
        let info = self.public_info().map_err(|error| refuse(&error))?;
        let bytes = info.to_der().map_err(|error| refuse(&error))?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        Ok(BASE64_STANDARD.encode(digest))
    }
}

/// The public half.
#[derive(Clone, Debug)]
pub struct PublicKey(Vec<u8>);

impl EncodePublicKey for PublicKey {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        let info = SubjectPublicKeyInfoOwned {
            algorithm: algorithm(),
            subject_public_key: BitString::from_bytes(&self.0)?,
        };
        Ok(Document::try_from(info.to_der()?.as_slice())?)
    }
}

fn algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: ED25519,
        parameters: None,
    }
}

impl signature::Keypair for KeyPair {
    type VerifyingKey = PublicKey;

    fn verifying_key(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_vec())
    }
}

impl DynSignatureAlgorithmIdentifier for KeyPair {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(algorithm())
    }
}

/// A signature in a certificate.
#[derive(Debug)]
pub struct Signature(Vec<u8>);

impl SignatureBitStringEncoding for Signature {
    fn to_bitstring(&self) -> der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}

impl signature::Signer<Signature> for KeyPair {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        Ok(Signature(self.0.sign(message).as_ref().to_vec()))
    }
}
