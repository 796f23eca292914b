//! Programs for UEFI, their signatures, and what signs them.

use ichor_authenticode::variables::{self, StoreError};
use ichor_authenticode::{Certificate, SigningKey, verify};
use ichor_uki::{Section, sections};

/// The certificate that signs the program of the corpus.
const CERTIFICATE: &str = include_str!("../corpus/certificate/certificate.pem");
/// That program.
const SIGNED: &[u8] = include_bytes!("../corpus/authenticode/signed.efi");

/// A program that may be signed.
pub(crate) fn authenticode(input: &[u8]) {
    let Ok(certificate) = Certificate::from_pem(CERTIFICATE) else {
        return;
    };
    if verify(input, &certificate).is_ok() {
        // One program alone has a signature of this key.
        assert_eq!(covered(input), covered(SIGNED), "a changed program passes");
    }
}

/// What a signature covers: all but the checksum, the place of the signatures, and these. In both,
/// the headers are where they are in the program of the corpus, or the digest would be another.
fn covered(file: &[u8]) -> Vec<u8> {
    const OPTIONAL: usize = 0x58;
    let word = |at: usize| {
        let bytes = file.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    let end = word(OPTIONAL + 144) as usize;
    let mut covered = file.get(..end).unwrap_or(file).to_vec();
    for place in [OPTIONAL + 64..OPTIONAL + 68, OPTIONAL + 144..OPTIONAL + 152] {
        covered
            .get_mut(place)
            .into_iter()
            .for_each(|bytes| bytes.fill(0));
    }
    covered
}

/// A certificate or a key, in either form.
pub(crate) fn certificate(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for certificate in [
        Certificate::from_pem(&text),
        Certificate::from_der(input.to_vec()),
    ]
    .into_iter()
    .flatten()
    {
        let again = Certificate::from_pem(&certificate.to_pem());
        assert_eq!(
            again.map(|again| again.der().to_vec()).ok().as_deref(),
            Some(certificate.der())
        );
    }
    drop(SigningKey::from_pem(&text));
    drop(SigningKey::from_pkcs8(input));
}

/// A store of the firmware's variables.
pub(crate) fn variable_store(input: &[u8]) {
    let Ok(certificate) = Certificate::from_pem(CERTIFICATE) else {
        return;
    };
    if let Ok(store) = variables::enrol(input, &certificate) {
        assert_eq!(store.len(), input.len());
        let twice = variables::enrol(&store, &certificate);
        assert!(twice != Ok(store) && twice != Err(StoreError::Form));
    }
}

/// A kernel image, and a program that one is made of.
pub(crate) fn uki(input: &[u8]) {
    let Ok(found) = sections(input) else {
        return;
    };
    for (_, content) in &found {
        assert!(content.len() <= input.len());
    }
    let added = Section {
        name: ".cmdline",
        content: b"quiet",
    };
    if let Ok(image) = ichor_uki::build(input, &[added]) {
        let names = sections(&image).map(|all| {
            all.iter()
                .map(|(name, content)| (name.clone(), content.len()))
                .collect::<Vec<_>>()
        });
        assert_eq!(
            names.map(|names| names.last().cloned()),
            Ok(Some((".cmdline".to_owned(), 5)))
        );
    }
}
