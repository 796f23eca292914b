//! How large the parts of a shipped image may be.

use std::fs;
use std::path::Path;

use crate::ImageError;
use crate::build::Outputs;
use crate::error::at;

const MEGABYTE: u64 = 1_000_000;
/// The one binary, stripped.
pub const BINARY_BYTES_MAX: u64 = 15 * MEGABYTE;
/// The root file system, without container images.
pub const ROOTFS_BYTES_MAX: u64 = 30 * MEGABYTE;
/// The unified kernel image.
pub const UKI_BYTES_MAX: u64 = 50 * MEGABYTE;

/// A part and how much of its limit it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// Which part.
    pub what: &'static str,
    /// Its size.
    pub bytes: u64,
    /// The most it may have.
    pub bytes_max: u64,
}

/// The sizes of a finished build; all are within their limits.
///
/// # Errors
/// [`ImageError::TooLarge`] names the first part that is too large.
pub fn check(binary: &Path, outputs: &Outputs) -> Result<Vec<Size>, ImageError> {
    let parts = [
        ("OS binary", binary, BINARY_BYTES_MAX),
        ("root file system", &outputs.rootfs, ROOTFS_BYTES_MAX),
        ("kernel image", &outputs.uki, UKI_BYTES_MAX),
    ];
    parts
        .into_iter()
        .map(|(what, path, bytes_max)| measure(what, path, bytes_max))
        .collect()
}

fn measure(what: &'static str, path: &Path, bytes_max: u64) -> Result<Size, ImageError> {
    let bytes = fs::metadata(path).map_err(at("read", path))?.len();
    if bytes > bytes_max {
        return Err(ImageError::TooLarge {
            what,
            bytes,
            bytes_max,
        });
    }
    Ok(Size {
        what,
        bytes,
        bytes_max,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_above_the_limit_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, [0; 10]).unwrap();
        assert_eq!(measure("x", &path, 10).unwrap().bytes, 10);
        let error = measure("x", &path, 9).unwrap_err().to_string();
        assert_eq!(error, "x has 10 bytes, 9 are allowed");
    }
}
