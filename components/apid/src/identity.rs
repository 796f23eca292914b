//! The key of the server, which people know by its fingerprint.
//!
//! It is the same after a restart of this process: PID 1 hands over a memory in which the first one
//! has left it. It is on no disk, and new with each boot.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use ichor_pki::{KeyPair, PkiError};
use tracing::warn;

/// How long it is, in the first bytes of the memory. What was never written is 0.
const LENGTH_BYTES: usize = 2;

/// Takes the key out of `memory`, or makes one and leaves it there.
///
/// # Errors
/// [`PkiError`] when none can be made.
pub(crate) fn load_or_make(memory: Option<&File>) -> Result<KeyPair, PkiError> {
    let Some(memory) = memory else {
        return KeyPair::generate();
    };
    if let Some(key) = load(memory) {
        return Ok(key);
    }
    let key = KeyPair::generate()?;
    if let Err(error) = store(memory, key.private_der()?.secret_der()) {
        warn!(%error, "the fingerprint will be another one after a restart of apid");
    }
    Ok(key)
}

fn load(memory: &File) -> Option<KeyPair> {
    let mut length = [0; LENGTH_BYTES];
    memory.read_exact_at(&mut length, 0).ok()?;
    let length = u16::from_be_bytes(length);
    if length == 0 {
        return None;
    }
    let mut bytes = vec![0; length.into()];
    memory.read_exact_at(&mut bytes, LENGTH_BYTES as u64).ok()?;
    KeyPair::from_private_der(&bytes).ok()
}

/// The length comes last: what was cut off is no key.
fn store(memory: &File, key: &[u8]) -> io::Result<()> {
    let length = u16::try_from(key.len()).map_err(io::Error::other)?;
    memory.write_all_at(key, LENGTH_BYTES as u64)?;
    memory.write_all_at(&length.to_be_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> File {
        ichor_sys::memory::fixed("test", 4096).unwrap().into()
    }

    fn fingerprint(memory: Option<&File>) -> String {
        load_or_make(memory).unwrap().fingerprint().unwrap()
    }

    #[test]
    fn the_key_outlives_the_process() {
        let memory = memory();
        let first = fingerprint(Some(&memory));
        assert_eq!(fingerprint(Some(&memory)), first);
        assert_ne!(fingerprint(None), first);
    }

    #[test]
    fn what_is_no_key_is_replaced() {
        let memory = memory();
        for length in [1, 40, u16::MAX] {
            memory.write_all_at(&length.to_be_bytes(), 0).unwrap();
            let made = fingerprint(Some(&memory));
            assert_eq!(fingerprint(Some(&memory)), made);
        }
    }
}
