//! Kernel modules: inserting a file.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A module was refused.
#[derive(Debug, thiserror::Error)]
#[error("load kernel module {}", path.display())]
pub struct ModuleError {
    /// Its file.
    pub path: PathBuf,
    /// What the kernel said; `ENOENT` stands for a symbol of a module that is not loaded.
    pub source: io::Error,
}

/// Inserts a module. One that is loaded already is a success.
///
/// # Errors
/// [`ModuleError`].
pub fn insert(path: &Path, parameters: &CStr) -> Result<(), ModuleError> {
    let result = File::open(path).and_then(|file| {
        match rustix::system::finit_module(&file, parameters, 0) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    });
    result.map_err(|source| ModuleError {
        path: path.to_owned(),
        source,
    })
}
