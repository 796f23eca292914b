//! The key that signs images: one that is given, or one that the first build makes.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use ichor_authenticode::{Certificate, Signer, SigningKey};

use crate::ImageError;
use crate::error::at;

/// Name in the certificate of a key that a build makes.
const COMMON_NAME: &str = "Ichor image signing key";
/// The secret, in the directory of keys.
pub const KEY_FILE: &str = "signing.key";
/// What firmware and `verify` need.
pub const CERTIFICATE_FILE: &str = "signing.pem";

/// Nothing but a backup has the secret.
const KEY_LOST: &str = "put it back from a backup";
/// A build leaves a copy beside its images.
const CERTIFICATE_LOST: &str =
    "put it back from a backup, or from the directory of an image that was built with it";

/// Reads a key and its certificate, both in PEM form.
///
/// # Errors
/// [`ImageError`] names the file that cannot be used.
pub fn load(key: &Path, certificate: &Path) -> Result<Signer, ImageError> {
    let text = fs::read_to_string(key).map_err(at("read", key))?;
    let parsed = SigningKey::from_pem(&text).map_err(refuse(key))?;
    Signer::new(parsed, load_certificate(certificate)?).map_err(refuse(certificate))
}

/// Reads a certificate in PEM form.
///
/// # Errors
/// [`ImageError`] with the file's name.
pub fn load_certificate(path: &Path) -> Result<Certificate, ImageError> {
    let text = fs::read_to_string(path).map_err(at("read", path))?;
    Certificate::from_pem(&text).map_err(refuse(path))
}

/// Reads the key of a directory, or makes it when neither key nor certificate is there.
///
/// # Errors
/// [`ImageError`]; [`ImageError::HalfKey`] when only one of the two files is there, because a new key
/// would lock out the machines that know the old one.
pub fn load_or_make(directory: &Path) -> Result<Signer, ImageError> {
    let key_path = directory.join(KEY_FILE);
    let certificate_path = directory.join(CERTIFICATE_FILE);
    let half = |missing, present, advice| ImageError::HalfKey {
        missing,
        present,
        advice,
    };
    match (key_path.exists(), certificate_path.exists()) {
        (true, true) => return load(&key_path, &certificate_path),
        (false, true) => return Err(half(key_path, certificate_path, KEY_LOST)),
        (true, false) => return Err(half(certificate_path, key_path, CERTIFICATE_LOST)),
        (false, false) => {}
    }
    let key = SigningKey::generate().map_err(refuse(&key_path))?;
    let certificate = Certificate::self_signed(&key, COMMON_NAME).map_err(refuse(&key_path))?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(at("make directory", directory))?;
    let secret = key.to_pem().map_err(refuse(&key_path))?;
    create(&key_path, 0o600, &secret)?;
    create(&certificate_path, 0o644, &certificate.to_pem())?;
    Signer::new(key, certificate).map_err(refuse(&key_path))
}

fn create(path: &Path, mode: u32, text: &str) -> Result<(), ImageError> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(at("create", path))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(at("write", path))
}

fn refuse<E: std::error::Error>(path: &Path) -> impl FnOnce(E) -> ImageError + use<'_, E> {
    |error| ImageError::Format {
        path: path.to_owned(),
        problem: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_build_makes_a_key_and_the_next_takes_it() {
        let directory = tempfile::tempdir().unwrap();
        let keys = directory.path().join("keys");
        let first = load_or_make(&keys).unwrap();
        let second = load_or_make(&keys).unwrap();
        assert_eq!(first.certificate(), second.certificate());
        let mode = fs::metadata(keys.join(KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_lost_half_is_an_error_that_says_what_to_do() {
        for (lost, kept, advice) in [
            (KEY_FILE, CERTIFICATE_FILE, KEY_LOST),
            (CERTIFICATE_FILE, KEY_FILE, CERTIFICATE_LOST),
        ] {
            let directory = tempfile::tempdir().unwrap();
            load_or_make(directory.path()).unwrap();
            fs::remove_file(directory.path().join(lost)).unwrap();
            let error = load_or_make(directory.path()).unwrap_err().to_string();
            let begin = format!("{} is missing", directory.path().join(lost).display());
            assert!(error.starts_with(&begin), "{error}");
            assert!(error.contains(kept) && error.contains(advice), "{error}");
            assert!(!directory.path().join(lost).exists());
        }
    }
}
