//! Starting processes.
//!
//! A child gets default signals with an empty mask, a session of its own, exactly the descriptors
//! that are named, and its restrictions before the program is executed. Collecting its exit is the
//! business of [`crate::wait`], so that one place owns wait(2).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};

use crate::restrict::{Filter, Unshare, restrict_paths};
use crate::signals;

/// Descriptors are moved out of the way before they are put to their numbers.
const PARKED_FROM: i32 = 200;

/// Every capability that has a name, up to CAP_CHECKPOINT_RESTORE. The kernel refuses others.
///
/// Source: `include/uapi/linux/capability.h`.
pub const ALL_CAPABILITIES: CapabilitySet = CapabilitySet::from_bits_retain((1 << 41) - 1);

/// A process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// A descriptor could not be prepared.
    #[error("prepare a descriptor for {}", program.display())]
    Descriptor {
        /// What was to be run.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The fork failed, or the child could not restrict itself or execute the program.
    #[error("run {}", program.display())]
    Run {
        /// What was to be run.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// As whom a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Other groups.
    pub groups: &'static [Gid],
    /// All the capabilities it has and can ever have.
    pub capabilities: CapabilitySet,
    /// Whether execve(2) can never grant anything.
    pub no_new_privileges: bool,
}

/// A process to be started.
pub struct Command {
    program: PathBuf,
    inner: std::process::Command,
    descriptors: Vec<(OwnedFd, i32)>,
    cgroup: Option<PathBuf>,
    oom_score: Option<String>,
    credentials: Option<Credentials>,
    namespaces: UnshareFlags,
    landlock: Option<OwnedFd>,
    filters: Vec<Filter>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

impl Command {
    /// Runs the file `program`, which sees `name` as its own name, with an empty environment.
    pub fn new(program: impl AsRef<Path>, name: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref().to_owned();
        let mut inner = std::process::Command::new(&program);
        inner
            .arg0(name)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null());
        Self {
            program,
            inner,
            descriptors: Vec::new(),
            cgroup: None,
            oom_score: None,
            credentials: None,
            namespaces: UnshareFlags::empty(),
            landlock: None,
            filters: Vec::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.inner.arg(arg);
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(key, value);
        self
    }

    /// Sends both standard output and standard error to one descriptor.
    ///
    /// # Errors
    /// When the descriptor cannot be duplicated.
    pub fn output(mut self, descriptor: OwnedFd) -> Result<Self, SpawnError> {
        let second = descriptor.try_clone();
        let second = second.map_err(|source| self.descriptor_error(source))?;
        self.inner.stdout(descriptor).stderr(second);
        Ok(self)
    }

    /// Hands a descriptor over under a number above 2.
    ///
    /// # Errors
    /// When the descriptor cannot be moved.
    pub fn descriptor(mut self, descriptor: impl AsFd, number: i32) -> Result<Self, SpawnError> {
        let parked = rustix::io::fcntl_dupfd_cloexec(descriptor, PARKED_FROM);
        let parked = parked.map_err(|error| self.descriptor_error(error.into()))?;
        self.descriptors.push((parked, number));
        Ok(self)
    }

    /// The control group (a directory) that the process is in from its first instruction.
    #[must_use]
    pub fn cgroup(mut self, path: impl Into<PathBuf>) -> Self {
        self.cgroup = Some(path.into());
        self
    }

    /// How soon the kernel ends it when memory runs out, from -1000 (never) to 1000 (first); without
    /// this, as the caller. Less than the caller has ever had needs `CAP_SYS_RESOURCE`.
    #[must_use]
    pub fn oom_score(mut self, score: i16) -> Self {
        self.oom_score = Some(score.to_string());
        self
    }

    /// As whom it runs; without this, as the caller.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Namespaces of its own.
    #[must_use]
    pub fn unshare(mut self, namespaces: impl IntoIterator<Item = Unshare>) -> Self {
        self.namespaces = Unshare::flags(namespaces);
        self
    }

    /// The Landlock ruleset it is restricted to. Needs `no_new_privileges`.
    #[must_use]
    pub fn landlock(mut self, ruleset: OwnedFd) -> Self {
        self.landlock = Some(ruleset);
        self
    }

    /// The filters of its system calls, in the order in which they are put up: each must allow
    /// execve(2), and all but the last seccomp(2). Needs `no_new_privileges`.
    #[must_use]
    pub fn filters(mut self, filters: impl IntoIterator<Item = Filter>) -> Self {
        self.filters.extend(filters);
        self
    }

    /// Starts the process and returns its id. A child that fails before the program runs is waited for
    /// here; the call panics if another thread collects it first.
    ///
    /// # Errors
    /// [`SpawnError`]; also when the child fails before the program runs.
    pub fn spawn(mut self) -> Result<u32, SpawnError> {
        let cgroup = match self.cgroup.take() {
            None => None,
            Some(path) => {
                let file = File::options().write(true).open(path.join("cgroup.procs"));
                Some(file.map_err(|source| self.descriptor_error(source))?)
            }
        };
        let descriptors = std::mem::take(&mut self.descriptors);
        let oom_score = self.oom_score.take();
        let credentials = self.credentials;
        let namespaces = self.namespaces;
        // The child puts others under the numbers that are free here.
        let landlock = match self.landlock.take() {
            None => None,
            Some(ruleset) => {
                let parked = rustix::io::fcntl_dupfd_cloexec(ruleset, PARKED_FROM);
                Some(parked.map_err(|error| self.descriptor_error(error.into()))?)
            }
        };
        let mut filters = std::mem::take(&mut self.filters);
        let prepare = move || {
            // The standard library leaves the mask as it is, and PID 1 blocks what it handles.
            signals::unblock_all()?;
            rustix::process::setsid()?;
            if let Some(mut procs) = cgroup.as_ref() {
                procs.write_all(b"0")?;
            }
            if let Some(score) = &oom_score {
                set_oom_score(score)?;
            }
            for (parked, number) in &descriptors {
                put_at(parked, *number)?;
            }
            if !namespaces.is_empty() {
                share_not(namespaces)?;
            }
            if let Some(credentials) = &credentials {
                assume(credentials)?;
            }
            if let Some(ruleset) = &landlock {
                restrict_paths(ruleset.as_fd())?;
            }
            // Last, because filters refuse what the steps before them need.
            filters.iter_mut().try_for_each(Filter::apply)
        };
        // SAFETY: the closure makes system calls only; what it owns was allocated before the fork.
        let inner = unsafe { self.inner.pre_exec(prepare) };
        match inner.spawn() {
            Ok(child) => Ok(child.id()),
            Err(source) => Err(SpawnError::Run {
                program: self.program,
                source,
            }),
        }
    }

    fn descriptor_error(&self, source: io::Error) -> SpawnError {
        SpawnError::Descriptor {
            program: self.program.clone(),
            source,
        }
    }
}

/// Says how soon the kernel ends this process when memory runs out: -1000 is never, 1000 first.
/// Processes that it starts inherit it.
///
/// # Errors
/// `EACCES` when it is less than it has ever been, without `CAP_SYS_RESOURCE`.
pub fn lower_oom_score(score: i16) -> io::Result<()> {
    set_oom_score(&score.to_string())
}

/// Allocates nothing, so that a child may call it.
///
/// Source: proc_pid_oom_score_adj(5).
fn set_oom_score(score: &str) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = open(c"/proc/self/oom_score_adj", flags, Mode::empty())?;
    rustix::io::write(file, score.as_bytes())?;
    Ok(())
}

/// unshare(2).
fn share_not(namespaces: UnshareFlags) -> io::Result<()> {
    // SAFETY: the flags change namespaces only, not the table of descriptors.
    unsafe { rustix::thread::unshare_unsafe(namespaces) }.map_err(io::Error::from)
}

/// dup2(2) clears close-on-exec, so exactly these descriptors are inherited.
fn put_at(parked: &OwnedFd, number: i32) -> io::Result<()> {
    // SAFETY: both are plain numbers to the kernel, and nothing in the child uses `number` yet.
    let result = unsafe { libc::dup2(parked.as_raw_fd(), number) };
    if result >= 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Gives up everything but `credentials`. The order matters: each step needs a right that a later
/// one gives away.
fn assume(credentials: &Credentials) -> io::Result<()> {
    use rustix::thread;
    let keep = credentials.capabilities;
    for capability in ALL_CAPABILITIES.difference(keep).iter() {
        // A kernel that is older than this list does not know the newest ones.
        match thread::remove_capability_from_bounding_set(capability) {
            Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    thread::set_keep_capabilities(true)?;
    thread::set_thread_groups(credentials.groups)?;
    let gid = Gid::from_raw(credentials.gid);
    let uid = Uid::from_raw(credentials.uid);
    thread::set_thread_res_gid(gid, gid, gid)?;
    thread::set_thread_res_uid(uid, uid, uid)?;
    let sets = CapabilitySets {
        effective: keep,
        permitted: keep,
        inheritable: keep,
    };
    thread::set_capabilities(None, sets)?;
    thread::clear_ambient_capability_set()?;
    for capability in keep.iter() {
        thread::configure_capability_in_ambient_set(capability, true)?;
    }
    if credentials.no_new_privileges {
        thread::set_no_new_privs(true)?;
    }
    Ok(())
}

/// Raises the number of descriptors that this process and its children may have, as far as it is
/// allowed to. Returns the limit that holds now.
pub fn raise_descriptor_limit(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let present = getrlimit(Resource::Nofile);
    let enough = present.current.unwrap_or(u64::MAX);
    if enough >= wanted {
        return enough;
    }
    let both = Rlimit {
        current: Some(wanted),
        maximum: Some(wanted),
    };
    if setrlimit(Resource::Nofile, both).is_ok() {
        return wanted;
    }
    // Without CAP_SYS_RESOURCE the hard limit is the most that can be had.
    let soft = Rlimit {
        current: present.maximum,
        maximum: present.maximum,
    };
    match setrlimit(Resource::Nofile, soft) {
        Ok(()) => present.maximum.unwrap_or(u64::MAX),
        Err(_kept) => enough,
    }
}

/// Gives memory that the allocator keeps for later back to the kernel.
pub fn release_memory() {
    // SAFETY: malloc_trim(3) takes a number and is safe with threads; it moves nothing.
    let _whether_any = unsafe { libc::malloc_trim(0) };
}

/// Sends a signal to a process. A process that has ended already is no error.
///
/// # Errors
/// `EPERM`.
pub fn signal(pid: u32, signal: rustix::process::Signal) -> io::Result<()> {
    let raw = i32::try_from(pid).map_err(io::Error::other)?;
    let pid = rustix::process::Pid::from_raw(raw).ok_or(io::ErrorKind::InvalidInput)?;
    match rustix::process::kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Sends a signal to all processes but this one and PID 1. That there are none is no error.
///
/// # Errors
/// `EPERM` when none of them could be reached.
pub fn signal_all(signal: rustix::process::Signal) -> io::Result<()> {
    // SAFETY: plain numbers.
    if unsafe { libc::kill(-1, signal.as_raw()) } == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_has_the_oom_score_that_it_is_given() {
        // More than the caller has is always allowed.
        let (read, write) = rustix::pipe::pipe().unwrap();
        let command = Command::new("/bin/cat", "cat").output(write).unwrap();
        let command = command.oom_score(777).arg("/proc/self/oom_score_adj");
        command.spawn().unwrap();
        let said = io::read_to_string(File::from(read)).unwrap();
        assert_eq!(said.trim_end(), "777");
    }

    #[test]
    fn a_child_has_an_empty_mask_whatever_its_parent_blocks() {
        // Masks belong to threads, so this changes no other test.
        signals::block().unwrap();
        let (read, write) = rustix::pipe::pipe().unwrap();
        let command = Command::new("/bin/grep", "grep").output(write).unwrap();
        let command = command.arg("SigBlk").arg("/proc/self/status");
        command.spawn().unwrap();
        let said = io::read_to_string(File::from(read)).unwrap();
        assert_eq!(said.trim_end(), "SigBlk:\t0000000000000000");
    }
}
