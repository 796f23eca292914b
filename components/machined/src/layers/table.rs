//! What is mounted where, as data.
//!
//! Three layers: the squashfs root (mounted by stage 1), tmpfs and pseudo file systems (this
//! table), and overlays of directories that persist, once there is a `/var`.

/// Restrictions of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restrict {
    pub(crate) read_only: bool,
    pub(crate) no_exec: bool,
    pub(crate) no_dev: bool,
}

const SECURE: Restrict = Restrict {
    read_only: false,
    no_exec: true,
    no_dev: true,
};

/// Whether a boot can go on without a mount. What it can go on without is mounted when the API can
/// be reached: some of it takes a module, and the firmware, and their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing works without it.
    Required,
    /// The kernel may be built without this file system; its absence is logged.
    IfSupported,
    /// Only on machines that were started by UEFI firmware.
    IfUefi,
    /// The place for it comes with this module.
    WithModule(&'static str),
}

/// One file system to mount. All are nosuid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) fstype: &'static str,
    pub(crate) target: &'static str,
    /// Keys and values for fsconfig(2); an empty value stands for a flag.
    pub(crate) options: &'static [(&'static str, &'static str)],
    pub(crate) restrict: Restrict,
    pub(crate) need: Need,
}

const fn pseudo(fstype: &'static str, target: &'static str, need: Need) -> Mount {
    Mount {
        fstype,
        target,
        options: &[],
        restrict: SECURE,
        need,
    }
}

const fn tmpfs(target: &'static str, options: &'static [(&'static str, &'static str)]) -> Mount {
    Mount {
        fstype: "tmpfs",
        target,
        options,
        restrict: Restrict {
            no_exec: false,
            ..SECURE
        },
        need: Need::Required,
    }
}

/// Mounted by PID 1 in this order. `/dev`, `/proc` and `/sys` come from stage 1.
pub(crate) const MOUNTS: &[Mount] = &[
    tmpfs("/run", &[("mode", "0755")]),
    tmpfs("/system", &[("mode", "0755")]),
    tmpfs("/tmp", &[("mode", "0755"), ("size", "64M")]),
    Mount {
        fstype: "cgroup2",
        target: "/sys/fs/cgroup",
        // The last one: processes move into groups without waiting for the other processors.
        options: &[
            ("nsdelegate", ""),
            ("memory_recursiveprot", ""),
            ("favordynmods", ""),
        ],
        restrict: SECURE,
        need: Need::Required,
    },
    Mount {
        restrict: Restrict {
            no_exec: true,
            ..SECURE
        },
        ..tmpfs("/dev/shm", &[("mode", "1777")])
    },
    Mount {
        fstype: "devpts",
        target: "/dev/pts",
        options: &[("ptmxmode", "000"), ("mode", "620"), ("gid", "5")],
        restrict: Restrict {
            no_dev: false,
            ..SECURE
        },
        need: Need::Required,
    },
    Mount {
        fstype: "hugetlbfs",
        target: "/dev/hugepages",
        options: &[],
        restrict: SECURE,
        need: Need::IfSupported,
    },
    pseudo("bpf", "/sys/fs/bpf", Need::IfSupported),
    pseudo("securityfs", "/sys/kernel/security", Need::IfSupported),
    pseudo("tracefs", "/sys/kernel/tracing", Need::IfSupported),
    pseudo(
        "configfs",
        "/sys/kernel/config",
        Need::WithModule("configfs"),
    ),
    pseudo("debugfs", "/sys/kernel/debug", Need::IfSupported),
    Mount {
        fstype: "efivarfs",
        target: "/sys/firmware/efi/efivars",
        options: &[],
        restrict: Restrict {
            read_only: true,
            ..SECURE
        },
        need: Need::IfUefi,
    },
];

/// A directory that PID 1 makes before anything else runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) path: &'static str,
    pub(crate) mode: u32,
}

const fn dir(path: &'static str, mode: u32) -> Directory {
    Directory { path, mode }
}

/// The writable tree of the OS, rebuilt at each boot.
pub(crate) const DIRECTORIES: &[Directory] = &[
    dir("/system/etc", 0o755),
    dir("/system/var", 0o700),
    dir("/system/state", 0o700),
    dir("/system/secrets", 0o700),
    dir("/system/run", 0o751),
    dir("/system/run/state", 0o711),
    dir("/system/run/notify", 0o711),
    dir("/system/run/machined", 0o771),
    dir("/system/run/storaged", 0o711),
    dir("/system/libexec", 0o755),
    dir("/system/overlays", 0o755),
    dir("/run/lock", 0o755),
    dir("/run/udev", 0o755),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_mounted_before_their_children() {
        for (index, mount) in MOUNTS.iter().enumerate() {
            for earlier in &MOUNTS[..index] {
                assert!(
                    !earlier.target.starts_with(&format!("{}/", mount.target)),
                    "{} would hide {}",
                    mount.target,
                    earlier.target
                );
            }
        }
    }

    #[test]
    fn every_writable_directory_lies_on_a_tmpfs_of_the_table() {
        for directory in DIRECTORIES {
            assert!(
                MOUNTS.iter().any(|mount| mount.fstype == "tmpfs"
                    && directory.path.starts_with(&format!("{}/", mount.target))),
                "{}",
                directory.path
            );
        }
    }
}
