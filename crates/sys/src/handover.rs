//! Taking over descriptors that the parent process named.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

/// Numbers that have an owner already.
static TAKEN: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// The variable that names what a process was handed over: `NAME:NUMBER,NAME:NUMBER`.
pub const VARIABLE: &str = "ICHOR_LISTEN_FDS";

/// Takes the descriptor that [`VARIABLE`] lists under a name.
///
/// # Errors
/// `NotFound` when none is listed; otherwise as [`take`].
pub fn take_named(name: &str) -> io::Result<OwnedFd> {
    let listed = std::env::var(VARIABLE).unwrap_or_default();
    let number = find(&listed, name);
    let error = || {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("{VARIABLE} names no {name:?}"),
        )
    };
    take(number.ok_or_else(error)?)
}

/// Takes ownership of an inherited descriptor, once, and keeps it from being inherited further.
///
/// # Errors
/// `EBADF` when it is not open; `AlreadyExists` when it has been taken; `InvalidInput` for the
/// standard streams, which belong to the standard library.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    if number <= libc::STDERR_FILENO {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: fcntl(2) with F_SETFD takes a number and fails for one that is not open.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if !taken.insert(number) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // SAFETY: the descriptor is open, was inherited, and is handed out only once.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The number behind a name.
pub(crate) fn find(listed: &str, name: &str) -> Option<RawFd> {
    let mut pairs = listed.split(',').filter_map(|pair| pair.split_once(':'));
    pairs.find(|(key, _)| *key == name)?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn finds_a_descriptor_by_its_name() {
        assert_eq!(find("api:3,service:4", "service"), Some(4));
        assert_eq!(find("api:3", "service"), None);
        assert_eq!(find("api:x,", "api"), None);
    }
}
