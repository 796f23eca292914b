//! Signs a program.

use crate::der::{self, BIT_STRING, CONTEXT_0, OCTET_STRING, OID};
use crate::key::{KeyError, Signer};
use crate::pe::{Layout, PeError};
use crate::pkcs7::{self, Content, SHA256};

/// `SPC_INDIRECT_DATA_OBJID`, 1.3.6.1.4.1.311.2.1.4.
pub(crate) const INDIRECT_DATA: &[u8] =
    &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04];
/// `SPC_PE_IMAGE_DATA_OBJID`, 1.3.6.1.4.1.311.2.1.15.
const PE_IMAGE_DATA: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0f];
/// Revision 2.0 of the certificate table.
pub(crate) const REVISION: u16 = 0x0200;
/// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
pub(crate) const TYPE_PKCS7: u16 = 0x0002;

/// Why a file was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// It is not a program.
    #[error(transparent)]
    Pe(#[from] PeError),
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file is too large for its format.
    #[error("the file is above 4 GiB")]
    TooLarge,
}

/// Signs a program. Signatures that it already has are replaced.
///
/// # Errors
/// [`SignError`].
pub fn sign(mut file: Vec<u8>, signer: &Signer) -> Result<Vec<u8>, SignError> {
    let layout = Layout::parse(&file)?;
    file.truncate(layout.end(&file));
    layout.set_table(&mut file, 0, 0)?;
    // The table begins at a multiple of 8, and what is before it is signed.
    file.resize(file.len().next_multiple_of(8), 0);
    let layout = Layout::parse(&file)?;
    let content = indirect_data(&layout.digest(&file)?);
    let content = Content::Sequence {
        oid: INDIRECT_DATA,
        content: &content,
    };
    let signature = pkcs7::content_info(&pkcs7::signed_data(content, signer)?);
    let start = u32::try_from(file.len()).map_err(|_error| SignError::TooLarge)?;
    let length = u32::try_from(signature.len() + 8).map_err(|_error| SignError::TooLarge)?;
    file.extend(length.to_le_bytes());
    file.extend(REVISION.to_le_bytes());
    file.extend(TYPE_PKCS7.to_le_bytes());
    file.extend(signature);
    file.resize(file.len().next_multiple_of(8), 0);
    layout.set_table(&mut file, start, length.next_multiple_of(8))?;
    layout.set_checksum(&mut file)?;
    Ok(file)
}

/// The content of `SpcIndirectDataContent`, without its own tag and length.
fn indirect_data(digest: &[u8; 32]) -> Vec<u8> {
    // A link to nowhere, with the text that every such signature has.
    let text: Vec<u8> = "<<<Obsolete>>>"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let link = der::nest(CONTEXT_0, &[&der::nest(0xa2, &[&der::value(0x80, &text)])]);
    let image = der::sequence(&[&der::value(BIT_STRING, &[0]), &link]);
    let kind = der::sequence(&[&der::value(OID, PE_IMAGE_DATA), &image]);
    let digest = der::sequence(&[&der::algorithm(SHA256), &der::value(OCTET_STRING, digest)]);
    [kind, digest].concat()
}
