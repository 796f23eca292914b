//! The hash tree of dm-verity over a file.
//!
//! Version 1 of the format, SHA-256, blocks of 4096 bytes, no superblock: what the kernel must
//! know stands in its command line.
//!
//! Source: Documentation/admin-guide/device-mapper/verity.rst.

use std::fmt::Write as _;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Size of data and hash blocks.
pub const BLOCK_BYTES: u64 = 4096;
const BLOCK: usize = 4096;
const HASH: usize = 32;

type Hash = [u8; HASH];

/// What is needed to verify a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The hash that all others lead to.
    pub hash: [u8; 32],
    /// Hashed before each block.
    pub salt: [u8; 32],
    /// How many data blocks there are.
    pub data_blocks: u64,
    /// Where the tree begins, in bytes.
    pub hash_offset: u64,
}

impl Root {
    /// `HASH:SALT:BLOCKS:OFFSET`, as stage 1 reads it from the kernel command line.
    pub fn to_argument(&self) -> String {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut text, byte| {
                // Writing to a string cannot fail.
                let _infallible = write!(text, "{byte:02x}");
                text
            })
        };
        let (hash, salt) = (hex(&self.hash), hex(&self.salt));
        format!("{hash}:{salt}:{}:{}", self.data_blocks, self.hash_offset)
    }
}

/// A hash tree.
#[derive(Clone, Debug)]
pub struct Verity {
    /// What is needed to verify the data.
    pub root: Root,
    /// The tree, to be appended to the data.
    pub tree: Vec<u8>,
}

/// Builds the tree over the first `size` bytes of `data`, which must be whole blocks.
///
/// The salt is derived from the size, so that the same data gives the same tree.
///
/// # Errors
/// Those of reading; `UnexpectedEof` when there are fewer bytes, `InvalidInput` when `size` is
/// zero or not a multiple of the block size.
pub fn build(data: &mut impl Read, size: u64) -> io::Result<Verity> {
    if size == 0 || !size.is_multiple_of(BLOCK_BYTES) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let salt: Hash = Sha256::digest(size.to_be_bytes()).into();
    let mut block = [0; BLOCK];
    let mut hashes = Vec::new();
    for _ in 0..size / BLOCK_BYTES {
        data.read_exact(&mut block)?;
        hashes.push(hash(&salt, &block));
    }
    // Levels are stored from the root down; the root block's own hash is the root hash.
    let mut levels = Vec::new();
    while hashes.len() > 1 {
        let level = pack(&hashes);
        hashes = level.iter().map(|block| hash(&salt, block)).collect();
        levels.push(level);
    }
    let root = hashes.pop().unwrap_or_default();
    let tree = levels.into_iter().rev().flatten().flatten().collect();
    let root = Root {
        hash: root,
        salt,
        data_blocks: size / BLOCK_BYTES,
        hash_offset: size,
    };
    Ok(Verity { root, tree })
}

fn hash(salt: &Hash, block: &[u8; BLOCK]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(block);
    hasher.finalize().into()
}

/// Hashes in blocks, the last one filled up with zeroes.
fn pack(hashes: &[Hash]) -> Vec<[u8; BLOCK]> {
    let blocks = hashes.chunks(BLOCK / HASH).map(|chunk| {
        let mut block = [0; BLOCK];
        for (place, hash) in block.chunks_exact_mut(HASH).zip(chunk) {
            place.copy_from_slice(hash);
        }
        block
    });
    blocks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_block_needs_no_tree() {
        let verity = build(&mut [7; BLOCK].as_slice(), BLOCK_BYTES).unwrap();
        assert!(verity.tree.is_empty());
        assert_eq!(verity.root.hash, hash(&verity.root.salt, &[7; BLOCK]));
    }

    #[test]
    fn two_blocks_have_a_tree_of_one_block() {
        let verity = build(&mut [7; 2 * BLOCK].as_slice(), 2 * BLOCK_BYTES).unwrap();
        let leaf = hash(&verity.root.salt, &[7; BLOCK]);
        assert_eq!(verity.tree[..HASH], leaf);
        assert_eq!(verity.tree.len(), BLOCK);
    }

    #[test]
    fn has_a_level_more_than_128_blocks_need() {
        let data = vec![1; 129 * BLOCK];
        let verity = build(&mut data.as_slice(), data.len() as u64).unwrap();
        assert_eq!(
            verity.tree.len(),
            3 * BLOCK,
            "two leaf blocks under one root"
        );
    }

    #[test]
    fn a_flipped_byte_changes_the_root() {
        let mut data = vec![0; 8 * BLOCK];
        let before = build(&mut data.as_slice(), data.len() as u64).unwrap();
        data[5 * BLOCK + 17] = 1;
        let after = build(&mut data.as_slice(), data.len() as u64).unwrap();
        assert_ne!(before.root.hash, after.root.hash);
    }

    #[test]
    fn refuses_partial_blocks_and_short_data() {
        assert!(build(&mut [0; 10].as_slice(), 10).is_err());
        assert!(build(&mut [0; 10].as_slice(), BLOCK_BYTES).is_err());
    }

    #[test]
    fn states_itself_as_a_kernel_argument() {
        let verity = build(&mut [7; BLOCK].as_slice(), BLOCK_BYTES).unwrap();
        let argument = verity.root.to_argument();
        assert!(argument.ends_with(":1:4096"));
        assert_eq!(argument.split(':').next().unwrap().len(), 64);
    }
}
