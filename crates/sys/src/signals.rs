//! Signals as something to read, instead of something that interrupts.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Delivers chosen signals, which must be blocked in every thread.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

/// Signals that PID 1 handles.
pub const HANDLED: &[i32] = &[
    libc::SIGCHLD,
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGPWR,
];

/// Blocks [`HANDLED`] and SIGPIPE in this thread and those that it starts. Called before any.
///
/// # Errors
/// Those of pthread_sigmask(3).
pub fn block() -> io::Result<()> {
    let mut signals = HANDLED.to_vec();
    signals.push(libc::SIGPIPE);
    let set = set_of(&signals)?;
    // SAFETY: `set` is initialised; the old mask is not asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Blocks nothing any more in this thread.
pub(crate) fn unblock_all() -> io::Result<()> {
    let set = set_of(&[])?;
    // SAFETY: `set` is initialised; the old mask is not asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) }
    {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Lets SIGPIPE end a program that only writes to files and pipes, when whoever reads its output has
/// gone. One that has connections keeps it ignored: whoever is at the other end could end it so.
pub fn end_at_broken_pipe() {
    // SAFETY: the default action needs no handler of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Ends the program as SIGPIPE does, such as `ichor get` in `ichor get | head`. Returns only when the
/// signal is blocked.
pub fn end_by_broken_pipe() {
    end_at_broken_pipe();
    // SAFETY: the signal ends the program; no handler of ours runs.
    unsafe { libc::raise(libc::SIGPIPE) };
}

impl SignalFd {
    /// A descriptor that becomes readable with any of these signals.
    ///
    /// # Errors
    /// Those of signalfd(2).
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        let set = set_of(signals)?;
        // SAFETY: `set` is initialised and lives through the call.
        let fd =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Reads what has come since the last call. Never blocks.
    ///
    /// # Errors
    /// Those of read(2).
    pub fn drain(&self) -> io::Result<Vec<i32>> {
        let mut signals = Vec::new();
        loop {
            let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
            let size = size_of::<libc::signalfd_siginfo>();
            // SAFETY: the buffer is writable and as long as is said.
            let read = unsafe { libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), size) };
            if usize::try_from(read).is_ok_and(|read| read == size) {
                // SAFETY: the kernel has filled the whole structure.
                let info = unsafe { info.assume_init() };
                signals.push(i32::try_from(info.ssi_signo).unwrap_or_default());
                continue;
            }
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock => Ok(signals),
                io::ErrorKind::Interrupted => continue,
                _ => Err(error),
            };
        }
    }
}

fn set_of(signals: &[i32]) -> io::Result<libc::sigset_t> {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the pointer is valid; the call initialises the set.
    if unsafe { libc::sigemptyset(set.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: sigemptyset(3) has succeeded.
    let mut set = unsafe { set.assume_init() };
    for signal in signals {
        // SAFETY: the set is initialised.
        if unsafe { libc::sigaddset(&raw mut set, *signal) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(set)
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for SignalFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
