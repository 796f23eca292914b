//! Memory that processes share through a descriptor.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

/// Makes a file in memory that has this size for ever, full of zeroes, and can never be executed.
/// The name is seen in `/proc` only.
///
/// # Errors
/// Those of memfd_create(2) and ftruncate(2).
pub fn fixed(name: &str, bytes: u64) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know that a file is not for execution.
    let file = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(rustix::io::Errno::INVAL) => memfd_create(name, flags),
        made => made,
    }?;
    ftruncate(&file, bytes)?;
    fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    #[test]
    fn its_size_is_fixed_and_its_content_is_shared() {
        let one = super::fixed("test", 8).unwrap();
        let other = File::from(one.try_clone().unwrap());
        let one = File::from(one);
        one.write_all_at(b"content!", 0).unwrap();
        assert!(one.write_all_at(b"more", 8).is_err());
        assert!(one.set_len(16).is_err() && one.set_len(0).is_err());
        let mut read = [0; 8];
        other.read_exact_at(&mut read, 0).unwrap();
        assert_eq!(&read, b"content!");
    }
}
