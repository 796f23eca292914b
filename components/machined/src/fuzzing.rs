//! What the fuzz tests call: texts and tables of the kernel and the firmware.

use std::path::Component;

use jiff::Timestamp;

use crate::service::mounts;
use crate::supervisor::notices;
use crate::{drivers, kmsg, proc, shutdown, smbios, sysctl, uevents};

/// The table of the firmware.
pub fn smbios(input: &[u8]) {
    let inventory = smbios::parse(input);
    // The smallest structure has six bytes.
    let found = inventory.processors.len() + inventory.memory.len();
    assert!(found <= input.len() / 6);
}

/// A record of the kernel log.
pub fn kmsg(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(line) = kmsg::format_record(&text, Timestamp::UNIX_EPOCH) {
        assert!(!line.contains('\n'), "{line:?} is not one line");
    }
}

/// Files of `/proc`, each parser on the same text.
pub fn proc(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let lines = text.lines().count();
    assert!(proc::cores::parse(text).len() <= lines);
    assert!(proc::cpu::parse(text).len() <= lines + 1);
    assert!(proc::disks::parse(text).1.len() <= lines);
    proc::memory::parse(text);
    assert!(proc::modules::parse(text).len() <= lines);
    for protocol in ["tcp", "tcp6", "udp6", "raw"] {
        assert!(proc::netstat::parse(protocol, text).len() <= lines);
    }
    assert!(proc::network::parse(text).1.len() <= lines);
    proc::process::parse_stat(text);
    proc::system::parse(text);
    proc::namespaces::inode_of("net", text);
    assert!(shutdown::on_disks(input).len() <= input.len());
    mounts::parse(input).for_each(drop);
}

/// The id of a kernel parameter.
pub fn sysctl(input: &[u8]) {
    let id = String::from_utf8_lossy(input);
    if let Some(path) = sysctl::path_of_id(&id) {
        assert!(
            path.starts_with("/proc") || path.starts_with("/sys"),
            "{path:?}"
        );
        let is_plain =
            |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
        assert!(
            path.components().all(is_plain),
            "{path:?} may lead elsewhere"
        );
    }
}

/// Messages of the kernel about devices, and of services about themselves.
pub fn notices(input: &[u8]) {
    uevents::subsystem(input);
    drivers::added_alias(input);
    notices::says(input, b"READY=1");
}
