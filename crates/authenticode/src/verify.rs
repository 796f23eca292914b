//! Checks a program's signature.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::certificate::Certificate;
use crate::der::{self, CONTEXT_0, DerError, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET};
use crate::pe::{Layout, PeError};
use crate::pkcs7::{CONTENT_TYPE, MESSAGE_DIGEST, SHA256, SIGNED_DATA};
use crate::sign::{INDIRECT_DATA, TYPE_PKCS7};

/// Why a file is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is not a program.
    #[error(transparent)]
    Pe(#[from] PeError),
    /// It has no signature.
    #[error("the file is not signed")]
    Unsigned,
    /// Its signature cannot be read.
    #[error("the signature is malformed")]
    Der(#[from] DerError),
    /// Its signature is of another form.
    #[error("the signature is not an Authenticode signature with RSA and SHA-256: {0}")]
    Form(&'static str),
    /// It was changed after it was signed.
    #[error("the file was changed after it was signed")]
    Changed,
    /// It is signed by another key.
    #[error("the file is signed by another key")]
    OtherKey,
    /// The signature does not come from the key that it names.
    #[error("the signature is forged")]
    Forged,
}

/// Checks that a program is signed by the key of a certificate, and unchanged since. With several
/// signatures one is enough, as it is for firmware.
///
/// # Errors
/// [`VerifyError`], of the last signature.
pub fn verify(file: &[u8], certificate: &Certificate) -> Result<(), VerifyError> {
    let layout = Layout::parse(file)?;
    let mut table = layout.table(file).ok_or(VerifyError::Unsigned)?;
    let digest = layout.digest(file)?;
    let mut outcome = Err(VerifyError::Unsigned);
    while let Some((signature, rest)) = entry(table)? {
        table = rest;
        outcome = check(signature, &digest, certificate);
        if outcome.is_ok() {
            return outcome;
        }
    }
    outcome
}

/// A PKCS #7 signature of a certificate table, and what follows it.
type Entry<'a> = (&'a [u8], &'a [u8]);

fn entry(table: &[u8]) -> Result<Option<Entry<'_>>, VerifyError> {
    let cut = VerifyError::Form("the certificate table is cut off");
    if table.is_empty() {
        return Ok(None);
    }
    let (length, rest) = table.split_first_chunk::<4>().ok_or(cut)?;
    let (_revision, rest) = rest.split_first_chunk::<2>().ok_or(cut)?;
    let (kind, _) = rest.split_first_chunk::<2>().ok_or(cut)?;
    if u16::from_le_bytes(*kind) != TYPE_PKCS7 {
        return Err(VerifyError::Form("the certificate table holds no PKCS #7"));
    }
    let length = u32::from_le_bytes(*length) as usize;
    let body = table.get(8..length).ok_or(cut)?;
    let rest = table.get(length.next_multiple_of(8)..).ok_or(cut)?;
    Ok(Some((body, rest)))
}

fn check(pkcs7: &[u8], digest: &[u8], certificate: &Certificate) -> Result<(), VerifyError> {
    let mut info = Reader::new(pkcs7).enter(SEQUENCE)?;
    if info.expect(OID)?.content != SIGNED_DATA {
        return Err(VerifyError::Form("it is no SignedData"));
    }
    let mut signed = info.enter(CONTEXT_0)?.enter(SEQUENCE)?;
    signed.expect(INTEGER)?;
    signed.expect(SET)?;
    let mut content = signed.enter(SEQUENCE)?;
    if content.expect(OID)?.content != INDIRECT_DATA {
        return Err(VerifyError::Form("it is not about a program"));
    }
    let content = content.enter(CONTEXT_0)?.expect(SEQUENCE)?.content;
    if signed_digest(content)? != digest {
        return Err(VerifyError::Changed);
    }
    signed.optional(CONTEXT_0)?;
    signed.optional(0xa1)?;
    let mut signers = signed.enter(SET)?;
    let mut signer = signers.enter(SEQUENCE)?;
    signer.expect(INTEGER)?;
    if signer.expect(SEQUENCE)?.whole != certificate.identity() {
        return Err(VerifyError::OtherKey);
    }
    if signer.expect(SEQUENCE)?.whole != der::algorithm(SHA256) {
        return Err(VerifyError::Form("its digest is not SHA-256"));
    }
    let attributes = signer.expect(CONTEXT_0)?.content;
    check_attributes(attributes, content)?;
    signer.expect(SEQUENCE)?;
    let signature = signer.expect(OCTET_STRING)?.content;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, certificate.public_key())
        .verify(&der::value(SET, attributes), signature)
        .map_err(|_unspecified| VerifyError::Forged)
}

/// The digest of the file that an `SpcIndirectDataContent` holds.
fn signed_digest(content: &[u8]) -> Result<&[u8], VerifyError> {
    let mut parts = Reader::new(content);
    parts.expect(SEQUENCE)?;
    let mut digest = parts.enter(SEQUENCE)?;
    if digest.expect(SEQUENCE)?.whole != der::algorithm(SHA256) {
        return Err(VerifyError::Form("its digest is not SHA-256"));
    }
    Ok(digest.expect(OCTET_STRING)?.content)
}

/// The signed attributes must name the content, because only they are signed.
fn check_attributes(attributes: &[u8], content: &[u8]) -> Result<(), VerifyError> {
    let mut reader = Reader::new(attributes);
    let mut kinds = 0;
    let mut digests = 0;
    while let Some(attribute) = reader.next()? {
        let mut parts = Reader::new(attribute.content);
        let name = parts.expect(OID)?.content;
        let mut values = parts.enter(SET)?;
        if name == CONTENT_TYPE && values.expect(OID)?.content == INDIRECT_DATA {
            kinds += 1;
        } else if name == MESSAGE_DIGEST {
            if values.expect(OCTET_STRING)?.content != Sha256::digest(content).as_slice() {
                return Err(VerifyError::Forged);
            }
            digests += 1;
        }
    }
    if (kinds, digests) == (1, 1) {
        return Ok(());
    }
    Err(VerifyError::Form("its attributes do not name the content"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Signer, SigningKey};
    use crate::pe::samples;
    use crate::sign::sign;

    fn signer() -> Signer {
        let key = SigningKey::generate().unwrap();
        let certificate = Certificate::self_signed(&key, "test").unwrap();
        Signer::new(key, certificate).unwrap()
    }

    #[test]
    fn accepts_what_was_signed_and_signs_the_same_way_twice() {
        let signer = signer();
        let once = sign(samples::program(), &signer).unwrap();
        verify(&once, signer.certificate()).unwrap();
        assert_eq!(sign(samples::program(), &signer).unwrap(), once);
        assert_eq!(sign(once.clone(), &signer).unwrap(), once);
    }

    #[test]
    fn a_flipped_bit_in_the_program_is_seen_wherever_it_is() {
        let signer = signer();
        let signed = sign(samples::program(), &signer).unwrap();
        let checksum = 0x58 + 64..0x58 + 68;
        for at in (0..0x600).filter(|at| !checksum.contains(at)) {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            assert!(
                verify(&changed, signer.certificate()).is_err(),
                "byte {at:#x}"
            );
        }
    }

    #[test]
    fn a_flipped_bit_in_the_signature_is_seen() {
        let signer = signer();
        let signed = sign(samples::program(), &signer).unwrap();
        // The signature itself ends the table, but for its padding.
        let last = signed.iter().rposition(|byte| *byte != 0).unwrap();
        for at in last - 200..last {
            let mut changed = signed.clone();
            changed[at] ^= 1;
            let error = verify(&changed, signer.certificate()).unwrap_err();
            assert_eq!(error, VerifyError::Forged);
        }
    }

    #[test]
    fn refuses_unsigned_foreign_and_appended() {
        let signer = signer();
        let program = samples::program();
        let certificate = signer.certificate();
        assert_eq!(verify(&program, certificate), Err(VerifyError::Unsigned));
        let signed = sign(program, &signer).unwrap();
        let other = super::tests::signer();
        let error = verify(&signed, other.certificate());
        assert_eq!(error, Err(VerifyError::OtherKey));
        let longer = [signed, vec![0; 8]].concat();
        assert!(matches!(
            verify(&longer, certificate),
            Err(VerifyError::Pe(_))
        ));
    }

    /// Firmware's code for this and that of sbsigntool have nothing in common with ours.
    #[test]
    fn sbverify_agrees() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("program.efi");
        let pem = directory.path().join("certificate.pem");
        let signer = signer();
        std::fs::write(&file, sign(samples::program(), &signer).unwrap()).unwrap();
        std::fs::write(&pem, signer.certificate().to_pem()).unwrap();
        let output = std::process::Command::new("sbverify")
            .arg("--cert")
            .args([&pem, &file])
            .output()
            .expect("the package sbsigntool is installed");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }
}
