//! Everything that reads what others have written, as functions that take any bytes and panic only
//! when something is wrong.
//!
//! The tests of this crate call each with what is in `corpus/`, with changes of that, and with random
//! bytes; `fuzz/` outside of the workspace hands the same functions to libFuzzer, for long runs.
//! Parsers that are not public have their functions in a module `fuzzing` of their crate.

mod mutate;
mod parsers;
mod programs;
mod specs;
mod yaml;

pub use mutate::mutate;

/// A function under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its directory in `corpus/`.
    pub name: &'static str,
    /// Panics when something is wrong.
    pub run: fn(&[u8]),
    /// How long an input of the tests is at most.
    pub bytes_max: usize,
    /// How many changed inputs the tests try.
    pub tries: u32,
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target {
        name,
        run,
        bytes_max: 4096,
        tries: 5000,
    }
}

/// One that takes its time for each byte.
const fn short(name: &'static str, run: fn(&[u8])) -> Target {
    Target {
        bytes_max: 1024,
        tries: 2000,
        ..target(name, run)
    }
}

/// One whose inputs are large, or take long.
const fn heavy(name: &'static str, run: fn(&[u8])) -> Target {
    Target {
        bytes_max: 256 << 10,
        tries: 300,
        ..target(name, run)
    }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("acpi_event", ichor_sys::fuzzing::acpi),
    target("alias_pattern", ichor_kmod::fuzzing::glob),
    heavy("authenticode", programs::authenticode),
    target("bookmark", ichor_state::fuzzing::bookmark),
    target("certificate", programs::certificate),
    target("client_frames", ichor_apid::fuzzing::client_frames),
    target("cmdline", parsers::cmdline),
    target("device_event", ichor_storaged::fuzzing::device_event),
    short("dhcp_client", ichor_networkd::fuzzing::dhcp_client),
    target("dhcp_packet", ichor_networkd::fuzzing::dhcp_packet),
    target("efi_text", ichor_efi::fuzzing::text),
    target("elf", ichor_imager::fuzzing::elf),
    heavy("fat", ichor_imager::fuzzing::fat),
    target("handover", ichor_sys::fuzzing::handover),
    target("hub_frame", ichor_vm::fuzzing::frame),
    heavy("image", ichor_imager::fuzzing::image),
    target("image_texts", ichor_imager::fuzzing::texts),
    target("jsonpath", parsers::jsonpath),
    target("kmsg", ichor_machined::fuzzing::kmsg),
    target("lock_file", ichor_imager::fuzzing::lock),
    target("message_lengths", ichor_apid::fuzzing::message_lengths),
    target("method_path", ichor_apid::fuzzing::path),
    target("modules_index", ichor_kmod::fuzzing::index),
    target("netlink", ichor_networkd::fuzzing::netlink),
    target("node_address", parsers::node_address),
    target("notices", ichor_machined::fuzzing::notices),
    heavy("partition_table", ichor_storaged::fuzzing::partition_table),
    target("probe_frame", ichor_probe::fuzzing::frame),
    short("proc", ichor_machined::fuzzing::proc),
    target("qmp", ichor_vm::fuzzing::qmp),
    target("smbios", ichor_machined::fuzzing::smbios),
    target("spec", specs::spec),
    target("state_event", ichor_state::fuzzing::event),
    target("state_query", ichor_state::fuzzing::query),
    target("state_resource", ichor_state::fuzzing::resource),
    target("state_status", ichor_state::fuzzing::status),
    target("sysctl", ichor_machined::fuzzing::sysctl),
    target("sysfs", ichor_storaged::fuzzing::sysfs),
    target("uevent", parsers::uevent),
    heavy("uki", programs::uki),
    target("variable_store", programs::variable_store),
    target("verity", ichor_init::fuzzing::verity),
    target("yaml", yaml::value),
];

/// The target of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
