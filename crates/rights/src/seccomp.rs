//! Filters of system calls.
//!
//! A filter is a list of what is allowed. A call that is not on it answers `EPERM`: a fault in this
//! list degrades one function of one component, and the kernel log names the call.
//!
//! Source: seccomp(2).

use std::collections::BTreeMap;

use ichor_sys::restrict::Filter;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use crate::Group;

/// What a program needs that computes, waits, logs and has threads.
const BASIC: &[libc::c_long] = &[
    libc::SYS_arch_prctl,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd2,
    // Restrictions come before the program; Landlock leaves only our own to execute.
    libc::SYS_execve,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_pipe2,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_prlimit64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_tkill,
    libc::SYS_uname,
    libc::SYS_write,
    libc::SYS_writev,
];

const FILES: &[libc::c_long] = &[
    libc::SYS_access,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_getdents64,
    libc::SYS_lstat,
    libc::SYS_newfstatat,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_stat,
    libc::SYS_statfs,
    libc::SYS_statx,
];

/// What any socket that is there can be used for.
const CONVERSATION: &[libc::c_long] = &[
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_socketpair,
];

const ACCEPT: &[libc::c_long] = &[libc::SYS_accept4];
const BIND: &[libc::c_long] = &[libc::SYS_bind];
const DEVICES: &[libc::c_long] = &[libc::SYS_ioctl];

/// clone3(2) has its flags behind a pointer, where no filter sees them. `ENOSYS` makes the C library
/// use clone(2), with each thread: a filter of its own, which says nothing of it in the kernel log.
const NO_CLONE3: [libc::sock_filter; 4] = [
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
    instruction(
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        1,
        libc::SYS_clone3.unsigned_abs() as u32,
    ),
    instruction(
        libc::BPF_RET | libc::BPF_K,
        0,
        libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs(),
    ),
    instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
];

/// Reads the vector that the kernel gave to this program, for the place of its clock.
///
/// Source: prctl(2), since Linux 6.4.
const PR_GET_AUXV: u64 = 0x4155_5856;

/// `jf` is how many instructions are left out when a comparison fails.
const fn instruction(code: u32, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf,
        k,
    }
}

/// Filters that allow the basic calls and those of `groups`.
pub(crate) fn filters(groups: &[Group]) -> Result<[Filter; 2], BackendError> {
    let no_clone3 = assemble(NO_CLONE3.to_vec())?.silent();
    Ok([no_clone3, allowed(groups)?])
}

fn allowed(groups: &[Group]) -> Result<Filter, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let plain = BASIC
        .iter()
        .chain(groups.iter().flat_map(|group| calls(*group)));
    for call in plain {
        rules.insert(*call, Vec::new());
    }
    let families = groups.iter().flat_map(|group| families(*group));
    for family in families {
        let mut conditions = vec![equals(0, *family)?];
        // Other protocols reach whoever listens to device events, or load modules.
        if *family == libc::AF_NETLINK {
            conditions.push(equals(2, libc::NETLINK_ROUTE)?);
        }
        let rule = SeccompRule::new(conditions)?;
        rules.entry(libc::SYS_socket).or_default().push(rule);
    }
    // Threads, not processes.
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let clone = argument(0, SeccompCmpOp::MaskedEq(thread), thread)?;
    rules.insert(libc::SYS_clone, vec![clone]);
    // The other filter refuses it, in its own way.
    rules.insert(libc::SYS_clone3, Vec::new());
    let own = [libc::PR_SET_NAME.unsigned_abs().into(), PR_GET_AUXV];
    let own = own.map(|option| argument(0, SeccompCmpOp::Eq, option));
    rules.insert(libc::SYS_prctl, own.into_iter().collect::<Result<_, _>>()?);
    if !groups.contains(&Group::DeviceRequests) {
        let requests = [libc::FIONBIO, libc::FIOCLEX, libc::TIOCGWINSZ];
        let allowed = requests.map(|request| argument(1, SeccompCmpOp::Eq, request));
        let allowed: Result<Vec<_>, _> = allowed.into_iter().collect();
        rules.insert(libc::SYS_ioctl, allowed?);
    }
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?;
    let program = BpfProgram::try_from(filter)?;
    let program = program.into_iter().map(|each| libc::sock_filter {
        code: each.code,
        jt: each.jt,
        jf: each.jf,
        k: each.k,
    });
    assemble(program.collect())
}

fn assemble(program: Vec<libc::sock_filter>) -> Result<Filter, BackendError> {
    Filter::new(program).ok_or(BackendError::FilterTooLarge(usize::from(u16::MAX)))
}

fn calls(group: Group) -> impl Iterator<Item = &'static libc::c_long> {
    let (first, second): (&[_], &[_]) = match group {
        Group::Files => (FILES, &[]),
        Group::UnixSockets => (CONVERSATION, ACCEPT),
        Group::Accept => (CONVERSATION, ACCEPT),
        Group::InternetSockets | Group::NetlinkSockets | Group::PacketSockets => {
            (CONVERSATION, BIND)
        }
        Group::DeviceRequests => (DEVICES, &[]),
    };
    first.iter().chain(second)
}

/// The kinds of sockets that a group makes.
fn families(group: Group) -> &'static [libc::c_int] {
    match group {
        Group::UnixSockets => &[libc::AF_UNIX],
        Group::InternetSockets => &[libc::AF_INET, libc::AF_INET6],
        Group::NetlinkSockets => &[libc::AF_NETLINK],
        Group::PacketSockets => &[libc::AF_PACKET],
        Group::Files | Group::Accept | Group::DeviceRequests => &[],
    }
}

fn equals(number: u8, value: libc::c_int) -> Result<SeccompCondition, BackendError> {
    let value = value.unsigned_abs().into();
    SeccompCondition::new(number, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// A call is allowed when one of its arguments is right.
fn argument(number: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    let condition = SeccompCondition::new(number, SeccompCmpArgLen::Dword, operator, value)?;
    SeccompRule::new(vec![condition])
}
