//! Variables of the firmware, and of the boot loader.
//!
//! Source: UEFI Specification 2.10, section 3.3; The Boot Loader Interface (systemd.io), which
//! says what systemd-boot leaves behind. A file of efivarfs has four bytes of attributes, then the
//! content.

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

use std::path::{Path, PathBuf};

const MOUNT: &str = "/sys/firmware/efi/efivars";
/// The vendor of variables that the specification itself defines.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// The vendor of what a boot loader and its stub tell.
const LOADER: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
const ATTRIBUTES_BYTES: usize = 4;

/// The variables of one machine.
#[derive(Clone, Debug)]
pub struct Variables {
    directory: PathBuf,
}

impl Variables {
    /// Those of this machine.
    #[must_use]
    pub fn of_machine() -> Self {
        Self::in_directory(MOUNT)
    }

    /// Those in a directory that looks like efivarfs.
    #[must_use]
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// A text that the boot loader has left; `None` without one.
    #[must_use]
    pub fn loader_text(&self, name: &str) -> Option<String> {
        parse_text(&self.read(name, LOADER)?)
    }

    /// A number of microseconds that the boot loader has left.
    #[must_use]
    pub fn loader_microseconds(&self, name: &str) -> Option<u64> {
        self.loader_text(name)?.parse().ok()
    }

    /// Whether a flag of the firmware is set; `None` without such a variable.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.read(name, GLOBAL)?.as_slice() {
            [value] => Some(*value == 1),
            _ => None,
        }
    }

    fn read(&self, name: &str, vendor: &str) -> Option<Vec<u8>> {
        let path: &Path = &self.directory.join(format!("{name}-{vendor}"));
        let mut content = std::fs::read(path).ok()?;
        if content.len() < ATTRIBUTES_BYTES {
            return None;
        }
        Some(content.split_off(ATTRIBUTES_BYTES))
    }
}

/// UTF-16, little endian, up to the first zero.
fn parse_text(bytes: &[u8]) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str, files: &[(&str, &str, &[u8])]) -> Variables {
        let directory =
            std::env::temp_dir().join(format!("ichor-efi-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        for (name, vendor, content) in files {
            std::fs::write(directory.join(format!("{name}-{vendor}")), content).unwrap();
        }
        Variables::in_directory(directory)
    }

    #[test]
    fn reads_texts_numbers_and_flags() {
        let time = b"\x06\0\0\x001\x002\x003\0\0\0";
        let found = variables(
            "read",
            &[
                ("LoaderTimeInitUSec", LOADER, time),
                ("SecureBoot", GLOBAL, b"\x06\0\0\0\x01"),
            ],
        );
        assert_eq!(found.loader_microseconds("LoaderTimeInitUSec"), Some(123));
        assert_eq!(found.flag("SecureBoot"), Some(true));
        assert_eq!(found.flag("SetupMode"), None);
        assert_eq!(found.loader_text("LoaderEntrySelected"), None);
    }

    #[test]
    fn refuses_what_is_cut_off() {
        let found = variables(
            "short",
            &[
                ("A", LOADER, b"\x06\0\0"),
                ("B", LOADER, b"\x06\0\0\x001\x002"),
                ("C", LOADER, b"\x06\0\0\x00\x00\xd8"),
                ("SecureBoot", GLOBAL, b"\x06\0\0\0"),
            ],
        );
        for name in ["A", "B", "C"] {
            assert_eq!(found.loader_text(name), None, "{name}");
        }
        assert_eq!(found.flag("SecureBoot"), None);
    }
}
