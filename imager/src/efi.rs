//! What lies on the EFI partition.

use std::fs;
use std::path::Path;

use ichor_authenticode::{Signer, sign, variables};

use crate::ImageError;
use crate::error::{at, encode};

/// Path and content.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

const LOADER: &str = "usr/lib/systemd/boot/efi/systemd-bootx64.efi";
/// Starts at once; nobody at the console changes the command line.
const LOADER_CONFIG: &[u8] = b"timeout 0\neditor no\n";
/// A machine in setup mode can enrol our key from the boot loader's menu. The loader itself
/// decides to do so only for a directory called `auto`, which this one is not.
const KEYS: &str = "loader/keys/ichor";

/// The boot loader and one OS, under the name that tells the loader how often to try it.
pub(crate) fn files(
    packages: &Path,
    entry: &str,
    uki: &Path,
    signer: Option<&Signer>,
) -> Result<Files, ImageError> {
    let loader = packages.join(LOADER);
    let loader = signed(fs::read(&loader).map_err(at("read", &loader))?, signer)?;
    let image = fs::read(uki).map_err(at("read", uki))?;
    let mut files = vec![
        ("EFI/BOOT/BOOTX64.EFI".to_owned(), loader),
        ("loader/loader.conf".to_owned(), LOADER_CONFIG.to_vec()),
        (format!("EFI/Linux/{entry}"), image),
    ];
    if let Some(signer) = signer {
        let keys = variables::enrolment(signer).map_err(encode("Secure Boot keys"))?;
        files.extend(keys.map(|(name, content)| (format!("{KEYS}/{name}"), content)));
    }
    Ok(files)
}

/// The program with a signature, when there is a key.
pub(crate) fn signed(program: Vec<u8>, signer: Option<&Signer>) -> Result<Vec<u8>, ImageError> {
    match signer {
        Some(signer) => sign(program, signer).map_err(encode("signature")),
        None => Ok(program),
    }
}
