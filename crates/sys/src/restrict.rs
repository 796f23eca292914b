//! Restrictions that a process puts on itself before it executes a program.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::thread::UnshareFlags;

/// A namespace that is not shared with the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unshare {
    /// System V IPC and POSIX message queues.
    Ipc,
    /// Host name.
    Uts,
    /// Links, addresses, ports: a network of its own has a loopback that is down.
    Net,
}

impl Unshare {
    pub(crate) fn flags(all: impl IntoIterator<Item = Self>) -> UnshareFlags {
        let flag = |one| match one {
            Self::Ipc => UnshareFlags::NEWIPC,
            Self::Uts => UnshareFlags::NEWUTS,
            Self::Net => UnshareFlags::NEWNET,
        };
        all.into_iter().map(flag).collect()
    }
}

/// A filter of system calls: a program of the kernel's classic BPF.
///
/// Source: seccomp(2).
#[derive(Clone, Debug)]
pub struct Filter {
    instructions: Vec<libc::sock_filter>,
    length: u16,
    flags: libc::c_ulong,
}

impl Filter {
    /// Takes a program; `None` when it is longer than a filter can be. What it refuses is written to
    /// the kernel log.
    #[must_use]
    pub fn new(instructions: Vec<libc::sock_filter>) -> Option<Self> {
        let length = u16::try_from(instructions.len()).ok()?;
        Some(Self {
            instructions,
            length,
            flags: libc::SECCOMP_FILTER_FLAG_LOG,
        })
    }

    /// The same, but what it refuses is not written to the kernel log.
    #[must_use]
    pub fn silent(self) -> Self {
        Self { flags: 0, ..self }
    }

    /// Filters all calls that this thread makes from now on, also in other programs.
    pub(crate) fn apply(&mut self) -> io::Result<()> {
        let program = libc::sock_fprog {
            len: self.length,
            filter: self.instructions.as_mut_ptr(),
        };
        // SAFETY: the program's pointer and length are those of a vector that outlives the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                self.flags,
                &raw const program,
            )
        };
        answer(result)
    }
}

/// Restricts this thread, and what it executes, to the rules of a Landlock ruleset.
pub(crate) fn restrict_paths(ruleset: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: plain numbers; the descriptor is open.
    let result =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) };
    answer(result)
}

fn answer(result: libc::c_long) -> io::Result<()> {
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}
