//! PKCS #7 `SignedData`, the envelope of signatures that firmware reads.
//!
//! Source: RFC 2315, section 9.

use sha2::{Digest, Sha256};

use crate::certificate::RSA;
use crate::der::{self, CONTEXT_0, INTEGER, OCTET_STRING, OID, SET};
use crate::key::{KeyError, Signer};

/// `id-sha256`, 2.16.840.1.101.3.4.2.1.
pub(crate) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// `contentType`, PKCS #9.
pub(crate) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
/// `messageDigest`, PKCS #9.
pub(crate) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// `signedData`, PKCS #7.
pub(crate) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `data`, PKCS #7.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    /// Bytes that are not part of the signature.
    Detached(&'a [u8]),
    /// A DER sequence of a type, within the signature.
    Sequence {
        /// Content of the object identifier.
        oid: &'a [u8],
        /// The sequence's content, without tag and length.
        content: &'a [u8],
    },
}

impl Content<'_> {
    const fn oid(&self) -> &[u8] {
        match self {
            Self::Detached(_) => DATA,
            Self::Sequence { oid, .. } => oid,
        }
    }

    const fn bytes(&self) -> &[u8] {
        match self {
            Self::Detached(bytes) => bytes,
            Self::Sequence { content, .. } => content,
        }
    }

    fn info(&self) -> Vec<u8> {
        let oid = der::value(OID, self.oid());
        match self {
            Self::Detached(_) => der::sequence(&[&oid]),
            Self::Sequence { content, .. } => {
                let inner = der::sequence(&[content]);
                der::sequence(&[&oid, &der::nest(CONTEXT_0, &[&inner])])
            }
        }
    }
}

/// The bare `SignedData`, without the `ContentInfo` around it, which UEFI variables leave out.
///
/// # Errors
/// [`KeyError::Sign`].
pub(crate) fn signed_data(content: Content<'_>, signer: &Signer) -> Result<Vec<u8>, KeyError> {
    // UEFI variables are signed without attributes.
    let attributes = match content {
        Content::Detached(_) => None,
        Content::Sequence { .. } => Some(attributes(content.oid(), content.bytes())),
    };
    let signature = match &attributes {
        None => signer.key.sign(content.bytes())?,
        // Signed as a SET, stored with a context tag.
        Some(attributes) => signer.key.sign(&der::set_of(attributes.clone()))?,
    };
    let attributes = attributes.map_or_else(Vec::new, |mut attributes| {
        attributes.sort();
        der::value(CONTEXT_0, &attributes.concat())
    });
    let signer_info = der::sequence(&[
        &der::value(INTEGER, &[1]),
        &signer.certificate.identity(),
        &der::algorithm(SHA256),
        &attributes,
        &der::algorithm(RSA),
        &der::value(OCTET_STRING, &signature),
    ]);
    Ok(der::sequence(&[
        &der::value(INTEGER, &[1]),
        &der::nest(SET, &[&der::algorithm(SHA256)]),
        &content.info(),
        &der::nest(CONTEXT_0, &[signer.certificate.der()]),
        &der::nest(SET, &[&signer_info]),
    ]))
}

/// `ContentInfo` around a `SignedData`.
pub(crate) fn content_info(signed_data: &[u8]) -> Vec<u8> {
    der::sequence(&[
        &der::value(OID, SIGNED_DATA),
        &der::nest(CONTEXT_0, &[signed_data]),
    ])
}

fn attributes(oid: &[u8], content: &[u8]) -> Vec<Vec<u8>> {
    let attribute = |name: &[u8], value: Vec<u8>| {
        der::sequence(&[&der::value(OID, name), &der::nest(SET, &[&value])])
    };
    let digest = Sha256::digest(content);
    vec![
        attribute(CONTENT_TYPE, der::value(OID, oid)),
        attribute(MESSAGE_DIGEST, der::value(OCTET_STRING, &digest)),
    ]
}
