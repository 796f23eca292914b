//! Kernel modules by name and by alias.
//!
//! The indices are text files that the image builder writes; their form is that of depmod(8).

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod glob;
mod index;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ichor_sys::module::{self, ModuleError};

pub use index::{Index, IndexError};

/// Modules of one kernel.
#[derive(Debug)]
pub struct Modules {
    directory: PathBuf,
    index: Index,
}

impl Modules {
    /// Reads the indices below `/usr/lib/modules/VERSION`.
    ///
    /// # Errors
    /// [`IndexError`] names the file.
    pub fn load(directory: &Path) -> Result<Self, IndexError> {
        Ok(Self {
            directory: directory.to_owned(),
            index: Index::load(directory)?,
        })
    }

    /// Loads what a name or alias stands for, and what it needs first. Nothing is an error that
    /// the image does not have: many devices have no driver here, and need none.
    ///
    /// # Errors
    /// [`ModuleError`] of the first module that the kernel refuses.
    pub fn request(&self, name_or_alias: &str) -> Result<(), ModuleError> {
        let mut done = BTreeSet::new();
        for name in self.index.resolve(name_or_alias) {
            for path in self.index.plan(&name) {
                // The kernel would check the signature before it finds that the module is there.
                if done.insert(path.clone()) && !is_loaded(&path) {
                    module::insert(&self.directory.join(path), c"")?;
                }
            }
        }
        Ok(())
    }
}

/// Whether the module of a file is in the kernel, loaded or built in.
fn is_loaded(path: &str) -> bool {
    Path::new("/sys/module")
        .join(index::name_of(path))
        .join("initstate")
        .exists()
}
