//! The lock file: which packages of which version, with their hashes.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ImageError;
use crate::error::at;

/// The lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Debian suite, such as `trixie`.
    pub suite: String,
    /// Sorted by name.
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Name of the binary package.
    pub name: String,
    /// Full version.
    pub version: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    /// [`ImageError`] with the file's name, and the line when its form is wrong.
    pub fn load(path: &Path) -> Result<Self, ImageError> {
        let text = fs::read_to_string(path).map_err(at("read", path))?;
        toml::from_str(&text).map_err(|error| ImageError::Format {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    }

    /// Writes a lock file.
    ///
    /// # Errors
    /// [`ImageError::File`].
    pub fn save(&self, path: &Path) -> Result<(), ImageError> {
        let text = toml::to_string(self).map_err(crate::error::encode("lock file"))?;
        let text = format!("# Debian packages. Written by `./x lock`.\n{text}");
        fs::write(path, text).map_err(at("write", path))
    }

    /// The lines that differ, as `-old` and `+new`.
    pub fn changes(&self, newer: &Self) -> Vec<String> {
        let line = |package: &Package| format!("{} {}", package.name, package.version);
        let mut changes = Vec::new();
        for old in &self.packages {
            if !newer.packages.contains(old) {
                changes.push(format!("-{}", line(old)));
            }
        }
        for new in &newer.packages {
            if !self.packages.contains(new) {
                changes.push(format!("+{}", line(new)));
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(version: &str) -> Lock {
        Lock {
            suite: "trixie".into(),
            packages: vec![Package {
                name: "udev".into(),
                version: version.into(),
                sha256: version.repeat(3),
            }],
        }
    }

    #[test]
    fn comes_back_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.lock");
        lock("1").save(&path).unwrap();
        assert_eq!(Lock::load(&path).unwrap(), lock("1"));
    }

    #[test]
    fn tells_what_changed() {
        assert_eq!(lock("1").changes(&lock("2")), ["-udev 1", "+udev 2"]);
        assert!(lock("1").changes(&lock("1")).is_empty());
    }

    #[test]
    fn refuses_unknown_keys_and_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.lock");
        fs::write(&path, "suite = \"x\"\npackage = []\nother = 1\n").unwrap();
        let error = Lock::load(&path).unwrap_err().to_string();
        assert!(
            error.contains("image.lock") && error.contains("other"),
            "{error}"
        );
    }
}
