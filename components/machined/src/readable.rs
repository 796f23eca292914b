//! Descriptors that tasks wait for.

use std::io;
use std::os::fd::AsRawFd;

use tokio::io::unix::AsyncFd;

/// Lets a task wait until a descriptor of ours is readable.
///
/// # Errors
/// Those of epoll(7).
#[expect(
    deprecated,
    reason = "the successor is unsafe for types whose descriptor may change; ours own theirs"
)]
pub(crate) fn readable<T: AsRawFd>(descriptor: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::new(descriptor)
}
