//! What the root file system must be, by the kernel command line.
//!
//! `ichor.verity=ROOT:SALT:BLOCKS:OFFSET`: root hash and salt (SHA-256, hexadecimal), number of
//! data blocks of 4096 bytes, and where the hash tree begins in the file, in bytes.

use std::path::Path;

use ichor_cmdline::Cmdline;
use ichor_sys::dm::Target;

use crate::error::Stage1Error;

const BLOCK_BYTES: u64 = 4096;
const SECTOR_BYTES: u64 = 512;
const HASH_HEX_DIGITS: usize = 64;

/// Root hash and geometry of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protection {
    root_hash: String,
    salt: String,
    data_blocks: u64,
    hash_offset: u64,
}

impl Protection {
    /// # Errors
    /// [`Stage1Error::NoRootHash`] or [`Stage1Error::RootHash`].
    pub(crate) fn from_cmdline(cmdline: &Cmdline) -> Result<Self, Stage1Error> {
        let value = cmdline.get("ichor.verity").ok_or(Stage1Error::NoRootHash)?;
        parse(value).map_err(|problem| Stage1Error::RootHash {
            value: value.to_owned(),
            problem,
        })
    }

    /// The rule for device-mapper: a block that does not match is an error and a restart.
    ///
    /// Source: Documentation/admin-guide/device-mapper/verity.rst.
    pub(crate) fn target(&self, device: &Path) -> Target<'static> {
        let device = device.display();
        Target {
            kind: "verity",
            sectors: self.data_blocks * (BLOCK_BYTES / SECTOR_BYTES),
            parameters: format!(
                "1 {device} {device} {BLOCK_BYTES} {BLOCK_BYTES} {} {} sha256 {} {} 2 \
                 restart_on_corruption try_verify_in_tasklet",
                self.data_blocks,
                self.hash_offset / BLOCK_BYTES,
                self.root_hash,
                self.salt,
            ),
        }
    }
}

pub(crate) fn parse(value: &str) -> Result<Protection, &'static str> {
    let mut parts = value.split(':');
    let mut next = || {
        parts
            .next()
            .ok_or("four parts separated by colons are needed")
    };
    let (root_hash, salt, blocks, offset) = (next()?, next()?, next()?, next()?);
    if parts.next().is_some() {
        return Err("four parts separated by colons are needed");
    }
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if root_hash.len() != HASH_HEX_DIGITS || !is_hex(root_hash) {
        return Err("the root hash must have 64 hexadecimal digits");
    }
    if salt.is_empty() || salt.len() > 2 * HASH_HEX_DIGITS || !is_hex(salt) {
        return Err("the salt must have up to 128 hexadecimal digits");
    }
    let data_blocks: u64 = blocks
        .parse()
        .map_err(|_not_a_number| "the number of blocks is no number")?;
    let hash_offset: u64 = offset
        .parse()
        .map_err(|_not_a_number| "the hash offset is no number")?;
    let data_bytes = data_blocks
        .checked_mul(BLOCK_BYTES)
        .ok_or("the number of blocks is too large")?;
    if data_blocks == 0 || hash_offset < data_bytes || !hash_offset.is_multiple_of(BLOCK_BYTES) {
        return Err("the hash tree must begin on a block after the data");
    }
    Ok(Protection {
        root_hash: root_hash.to_owned(),
        salt: salt.to_owned(),
        data_blocks,
        hash_offset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(value: &str) -> Result<Protection, Stage1Error> {
        Protection::from_cmdline(&Cmdline::parse(value))
    }

    #[test]
    fn describes_the_device() {
        let hash = "ab".repeat(32);
        let protection = from(&format!("ichor.verity={hash}:00ff:10:40960")).unwrap();
        let target = protection.target(Path::new("/dev/loop0"));
        assert_eq!(target.sectors, 80);
        let expected = format!(
            "1 /dev/loop0 /dev/loop0 4096 4096 10 10 sha256 {hash} 00ff 2 restart_on_corruption try_verify_in_tasklet"
        );
        assert_eq!(target.parameters, expected);
    }

    #[test]
    fn refuses_a_command_line_without_a_root_hash() {
        assert!(matches!(from("quiet"), Err(Stage1Error::NoRootHash)));
    }

    #[test]
    fn refuses_what_is_not_complete() {
        let hash = "ab".repeat(32);
        for value in [
            "".to_owned(),
            hash.clone(),
            format!("{hash}:00:1:4096:5"),
            format!("{hash}:zz:1:4096"),
            format!("x{hash}:00:1:4096"),
            format!("{hash}:00:0:4096"),
            format!("{hash}:00:2:4096"),
            format!("{hash}:00:1:5000"),
            format!("{hash}:00:{}:4096", u64::MAX),
        ] {
            let error = from(&format!("ichor.verity={value}")).unwrap_err();
            assert!(matches!(error, Stage1Error::RootHash { .. }), "{value}");
        }
    }
}
