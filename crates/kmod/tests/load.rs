//! Modules on the running kernel; these tests need root, and modules that are not compressed.

#![cfg(test)]

use std::path::{Path, PathBuf};

use ichor_kmod::Modules;

#[test]
fn module_brings_what_it_needs() {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let directory = PathBuf::from("/usr/lib/modules").join(release.trim_end());
    let modules = Modules::load(&directory).unwrap();
    // The alias by which the kernel asks for it, and a module that it cannot be loaded without.
    modules.request("rtnl-link-wireguard").unwrap();
    for name in ["wireguard", "udp_tunnel"] {
        let loaded = Path::new("/sys/module").join(name);
        assert!(loaded.exists(), "{name} is not loaded");
    }
    modules.request("wireguard").unwrap();
    modules.request("no-such-thing").unwrap();
}
