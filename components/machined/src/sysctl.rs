//! Kernel parameters that every node gets, before any configuration.
//!
//! Source: Kernel Self Protection Project, recommended settings; Kubernetes' requirements for
//! forwarding and bridged traffic.

use std::path::PathBuf;

/// A parameter below `/proc/sys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Dotted, such as `net.ipv4.ip_forward`.
    pub(crate) name: &'static str,
    pub(crate) value: &'static str,
    /// Absent without a module or a kernel option that a node may do without.
    pub(crate) may_be_absent: bool,
    /// Only the whole machine may set it, not a container.
    pub(crate) machine_only: bool,
}

const fn everywhere(name: &'static str, value: &'static str) -> Parameter {
    Parameter {
        name,
        value,
        may_be_absent: false,
        machine_only: false,
    }
}

const fn machine(name: &'static str, value: &'static str) -> Parameter {
    Parameter {
        machine_only: true,
        ..everywhere(name, value)
    }
}

const fn optional(parameter: Parameter) -> Parameter {
    Parameter {
        may_be_absent: true,
        ..parameter
    }
}

/// All defaults, in the order of writing.
pub(crate) const DEFAULTS: &[Parameter] = &[
    everywhere("net.ipv4.ip_forward", "1"),
    everywhere("net.ipv4.icmp_ignore_bogus_error_responses", "1"),
    everywhere("net.ipv4.icmp_echo_ignore_broadcasts", "1"),
    everywhere("net.ipv4.conf.all.send_redirects", "0"),
    everywhere("net.ipv4.conf.default.send_redirects", "0"),
    everywhere("net.ipv4.ip_local_reserved_ports", "50000,50001"),
    optional(machine("net.bridge.bridge-nf-call-iptables", "1")),
    optional(machine("net.bridge.bridge-nf-call-ip6tables", "1")),
    machine("kernel.ctrl-alt-del", "0"),
    optional(everywhere("net.ipv6.conf.default.forwarding", "1")),
    optional(everywhere("net.ipv6.conf.default.accept_ra", "2")),
    everywhere("net.ipv4.tcp_keepalive_time", "600"),
    everywhere("net.ipv4.tcp_keepalive_intvl", "60"),
    everywhere("kernel.panic", "10"),
    everywhere("kernel.pid_max", "262144"),
    everywhere("vm.overcommit_memory", "1"),
    everywhere("fs.inotify.max_user_instances", "8192"),
    everywhere("fs.aio-max-nr", "1048576"),
    machine("dev.tty.ldisc_autoload", "0"),
    optional(machine("dev.tty.legacy_tiocsti", "0")),
    machine("fs.protected_symlinks", "1"),
    machine("fs.protected_hardlinks", "1"),
    machine("fs.protected_fifos", "2"),
    machine("fs.protected_regular", "2"),
    machine("fs.suid_dumpable", "0"),
    machine("kernel.kptr_restrict", "2"),
    machine("kernel.dmesg_restrict", "1"),
    machine("kernel.perf_event_paranoid", "3"),
    machine("kernel.randomize_va_space", "2"),
    optional(machine("kernel.yama.ptrace_scope", "2")),
    machine("user.max_user_namespaces", "0"),
    machine("kernel.unprivileged_bpf_disabled", "1"),
    optional(machine("net.core.bpf_jit_harden", "2")),
    machine("vm.unprivileged_userfaultfd", "0"),
];

/// The file of a parameter by the id of its resource, such as `proc.sys.vm.overcommit_memory`;
/// `None` for what lies elsewhere. Where a name holds a dot, the id has a slash.
///
/// Source: sysctl.d(5).
pub(crate) fn path_of_id(id: &str) -> Option<PathBuf> {
    let mut path = PathBuf::from("/");
    for (number, part) in id.split('.').enumerate() {
        let part = part.replace('/', ".");
        let is_root = matches!(part.as_str(), "proc" | "sys");
        if part.bytes().all(|byte| byte == b'.') || (number == 0 && !is_root) {
            return None;
        }
        path.push(part);
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        let path = |id: &str| path_of_id(id).map(|path| path.display().to_string());
        let found = path("proc.sys.net.bridge.bridge-nf-call-iptables").unwrap();
        assert_eq!(found, "/proc/sys/net/bridge/bridge-nf-call-iptables");
        let found = path("proc.sys.net.ipv4.conf.eth0/100.rp_filter").unwrap();
        assert_eq!(found, "/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
        for outside in ["", "etc.passwd", "proc.sys.//.x", "proc.sys..x", "proc./"] {
            assert_eq!(path(outside), None, "{outside}");
        }
    }

    #[test]
    fn no_parameter_is_set_twice() {
        let mut names: Vec<_> = DEFAULTS.iter().map(|each| each.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DEFAULTS.len());
    }
}
