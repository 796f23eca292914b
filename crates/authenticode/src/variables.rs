//! The UEFI variables that make a firmware demand signatures: PK, KEK and db.
//!
//! Two forms: files that a machine in setup mode enrols itself ([`enrolment`]), and OVMF's variable
//! store with everything enrolled ([`enrol`]), for virtual machines.
//!
//! Source: UEFI Specification 2.10, sections 8.2.2 and 32.4; EDK II, `AuthenticatedVariableFormat.h`.

use crate::certificate::Certificate;
use crate::key::{KeyError, Signer};
use crate::pkcs7::{Content, signed_data};

type Guid = [u8; 16];

/// `EFI_GLOBAL_VARIABLE`, 8be4df61-93ca-11d2-aa0d-00e098032b8c.
const GLOBAL: Guid = guid(0x8be4_df61, 0x93ca, 0x11d2, 0xaa0d_00e0_9803_2b8c);
/// `EFI_IMAGE_SECURITY_DATABASE_GUID`.
const SECURITY: Guid = guid(0xd719_b2cb, 0x3d3a, 0x4596, 0xa3bc_dad0_0e67_656f);
/// `EFI_CERT_X509_GUID`.
const X509: Guid = guid(0xa5c0_59a1, 0x94e4, 0x4aa7, 0x87b5_ab15_5c2b_f072);
/// `EFI_CERT_TYPE_PKCS7_GUID`.
const PKCS7: Guid = guid(0x4aaf_d29d, 0x68df, 0x49ee, 0x8aa9_347d_3756_65a7);
/// OVMF's switch, `gEfiSecureBootEnableDisableGuid`.
const ENABLE: Guid = guid(0xf0a3_0bc7, 0xaf08, 0x4556, 0x99c4_0010_09c9_3a44);
/// OVMF's mode, `gEfiCustomModeEnableGuid`.
const MODE: Guid = guid(0xc076_ec0c, 0x7028, 0x4399, 0xa072_71ee_5c44_8b9f);
/// Of a store with signed variables, `gEfiAuthenticatedVariableGuid`.
const STORE: Guid = guid(0xaaf3_2c78, 0x947b, 0x439a, 0xa180_2e14_4ec3_7792);
/// Owner of our certificate in the lists; any number of ours.
const OWNER: Guid = guid(0x6d5a_8c1e, 0x3c0b, 0x4e5f, 0x9d6a_1c40_9b2f_7e12);

/// Kept over a reset, and seen by the boot loader.
const STORED: u32 = 0x3;
/// Also seen by the OS, and changed only by whom the variable above allows.
const SIGNED: u32 = STORED | 0x4 | 0x20;
/// 2025-01-01, as `EFI_TIME`: a fixed time, so that the same key gives the same bytes.
const TIME: [u8; 16] = [0xe9, 0x07, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const START_ID: [u8; 2] = [0xaa, 0x55];
/// A variable that was written completely.
const ADDED: u8 = 0x3f;
const STORE_HEADER: usize = 28;
const VARIABLE_HEADER: usize = 60;

/// Why a variable store cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It is of another form.
    #[error("the file is not OVMF's variable store with room for signed variables")]
    Form,
    /// The variables do not fit.
    #[error("the variable store is full")]
    Full,
}

/// The signed contents of PK, KEK and db, by file name, as a boot loader enrols them.
///
/// # Errors
/// [`KeyError::Sign`].
pub fn enrolment(signer: &Signer) -> Result<[(&'static str, Vec<u8>); 3], KeyError> {
    let list = signature_list(&signer.certificate);
    let make = |name, vendor| authenticated(name, vendor, &list, signer);
    Ok([
        ("PK.auth", make("PK", GLOBAL)?),
        ("KEK.auth", make("KEK", GLOBAL)?),
        ("db.auth", make("db", SECURITY)?),
    ])
}

/// Whether a file of [`enrolment`]'s form makes a firmware trust the certificate, and nothing else.
pub fn enrols_only(file: &[u8], certificate: &Certificate) -> bool {
    let content = || {
        let authentication = TIME.len();
        let length = file.get(authentication..)?.first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        file.get(authentication.checked_add(length)?..)
    };
    content() == Some(&*signature_list(certificate))
}

/// A variable store of OVMF in which the certificate, and only it, is trusted, and Secure Boot is
/// on. `store` is the file that comes with OVMF, without any keys.
///
/// # Errors
/// [`StoreError`].
pub fn enrol(store: &[u8], certificate: &Certificate) -> Result<Vec<u8>, StoreError> {
    let list = signature_list(certificate);
    let variables = [
        variable("PK", GLOBAL, SIGNED, &list),
        variable("KEK", GLOBAL, SIGNED, &list),
        variable("db", SECURITY, SIGNED, &list),
        variable("SecureBootEnable", ENABLE, STORED, &[1]),
        variable("CustomMode", MODE, STORED, &[0]),
    ]
    .concat();
    let (start, end) = free(store)?;
    let room = start..start.saturating_add(variables.len());
    if room.end > end {
        return Err(StoreError::Full);
    }
    let mut store = store.to_vec();
    let place = store.get_mut(room).ok_or(StoreError::Full)?;
    place.copy_from_slice(&variables);
    Ok(store)
}

/// The unused bytes behind the last variable.
fn free(store: &[u8]) -> Result<(usize, usize), StoreError> {
    // EFI_FIRMWARE_VOLUME_HEADER: its length is at 48.
    if store.get(40..44) != Some(b"_FVH") {
        return Err(StoreError::Form);
    }
    let start = usize::from(u16::from_le_bytes(read(store, 48)?));
    if store.get(start..start.saturating_add(16)) != Some(&STORE) {
        return Err(StoreError::Form);
    }
    let size = u32::from_le_bytes(read(store, start.saturating_add(16))?) as usize;
    let end = start.saturating_add(size);
    let mut at = start.saturating_add(STORE_HEADER);
    while read::<2>(store, at)? == START_ID {
        let name = u32::from_le_bytes(read(store, at.saturating_add(36))?) as usize;
        let data = u32::from_le_bytes(read(store, at.saturating_add(40))?) as usize;
        let length = VARIABLE_HEADER.saturating_add(name).saturating_add(data);
        at = at.saturating_add(length).next_multiple_of(4);
        if at >= end {
            return Err(StoreError::Full);
        }
    }
    let rest = store.get(at..end).ok_or(StoreError::Form)?;
    if rest.iter().any(|byte| *byte != 0xff) {
        return Err(StoreError::Form);
    }
    Ok((at, end))
}

fn read<const N: usize>(store: &[u8], at: usize) -> Result<[u8; N], StoreError> {
    let bytes = store.get(at..).and_then(|rest| rest.first_chunk());
    bytes.copied().ok_or(StoreError::Form)
}

/// `AUTHENTICATED_VARIABLE_HEADER`, name and data.
fn variable(name: &str, vendor: Guid, attributes: u32, data: &[u8]) -> Vec<u8> {
    let mut text = utf16(name);
    text.extend([0, 0]);
    let time = if attributes == SIGNED { TIME } else { [0; 16] };
    let mut out = [START_ID.as_slice(), &[ADDED, 0]].concat();
    out.extend(attributes.to_le_bytes());
    out.extend([0; 8]); // Monotonic count.
    out.extend(time);
    out.extend([0; 4]); // Index of the public key, no longer used.
    out.extend(length(&text).to_le_bytes());
    out.extend(length(data).to_le_bytes());
    out.extend(vendor);
    out.extend(text);
    out.extend(data);
    out.resize(out.len().next_multiple_of(4), 0xff);
    out
}

/// `EFI_SIGNATURE_LIST` with one certificate.
fn signature_list(certificate: &Certificate) -> Vec<u8> {
    let entry = [OWNER.as_slice(), certificate.der()].concat();
    let mut out = X509.to_vec();
    out.extend((length(&entry) + 28).to_le_bytes());
    out.extend([0; 4]);
    out.extend(length(&entry).to_le_bytes());
    out.extend(entry);
    out
}

/// `EFI_VARIABLE_AUTHENTICATION_2` and the new content.
fn authenticated(
    name: &str,
    vendor: Guid,
    content: &[u8],
    signer: &Signer,
) -> Result<Vec<u8>, KeyError> {
    let attributes = SIGNED.to_le_bytes();
    let message = [&utf16(name), vendor.as_slice(), &attributes, &TIME, content].concat();
    let signature = signed_data(Content::Detached(&message), signer)?;
    let mut out = TIME.to_vec();
    out.extend((length(&signature) + 24).to_le_bytes());
    out.extend([0x00, 0x02, 0xf1, 0x0e]); // Revision 2.0, WIN_CERT_TYPE_EFI_GUID.
    out.extend(PKCS7);
    out.extend(signature);
    out.extend(content);
    Ok(out)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Certificates and names are far below 4 GiB.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A GUID as UEFI stores it: three numbers in little-endian order, then bytes.
const fn guid(first: u32, second: u16, third: u16, rest: u64) -> Guid {
    let [a, b, c, d] = first.to_le_bytes();
    let [e, f] = second.to_le_bytes();
    let [g, h] = third.to_le_bytes();
    let [i, j, k, l, m, n, o, p] = rest.to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    fn signer() -> Signer {
        let key = SigningKey::generate().unwrap();
        let certificate = Certificate::self_signed(&key, "test").unwrap();
        Signer::new(key, certificate).unwrap()
    }

    #[test]
    fn a_file_that_enrols_something_else_is_told_apart() {
        let (own, other) = (signer(), signer());
        for (name, file) in enrolment(&own).unwrap() {
            assert!(enrols_only(&file, &own.certificate), "{name}");
            assert!(!enrols_only(&file, &other.certificate), "{name}");
            let more = [&*file, &signature_list(&other.certificate)].concat();
            assert!(!enrols_only(&more, &own.certificate), "{name}");
            let short = &file[..file.len() - 1];
            assert!(!enrols_only(short, &own.certificate), "{name}");
        }
        for file in [&[][..], &[0xff; 20], &[0xff; 19]] {
            assert!(!enrols_only(file, &own.certificate));
        }
    }

    fn empty_store(size: u32) -> Vec<u8> {
        let mut store = vec![0; 72];
        store[40..44].copy_from_slice(b"_FVH");
        store[48] = 72;
        store.extend(STORE);
        store.extend(size.to_le_bytes());
        store.extend([0x5a, 0xfe, 0, 0, 0, 0, 0, 0]);
        store.resize(72 + size as usize, 0xff);
        store.extend([0; 64]);
        store
    }

    #[test]
    fn guids_have_their_known_bytes() {
        let global = [
            0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0, 0xe0, 0x98, 3, 0x2b,
            0x8c,
        ];
        assert_eq!(GLOBAL, global);
    }

    #[test]
    fn variables_are_appended_and_found_again() {
        let signer = signer();
        let store = empty_store(0x4000);
        let (before, end) = free(&store).unwrap();
        let enrolled = enrol(&store, signer.certificate()).unwrap();
        let (after, same_end) = free(&enrolled).unwrap();
        assert_eq!((end, store.len()), (same_end, enrolled.len()));
        assert!(after > before + 3 * signer.certificate().der().len());
        let again = enrol(&enrolled, signer.certificate()).unwrap();
        assert_eq!(free(&again).unwrap().0 - after, after - before);
    }

    #[test]
    fn refuses_a_full_store_and_other_files() {
        let signer = signer();
        let small = enrol(&empty_store(0x400), signer.certificate());
        assert_eq!(small, Err(StoreError::Full));
        let other = enrol(&[0; 4096], signer.certificate());
        assert_eq!(other, Err(StoreError::Form));
    }

    #[test]
    fn enrolment_is_reproducible_and_holds_the_certificate() {
        let signer = signer();
        let files = enrolment(&signer).unwrap();
        assert_eq!(files, enrolment(&signer).unwrap());
        for (name, bytes) in files {
            assert!(bytes.ends_with(signer.certificate().der()), "{name}");
        }
    }
}
