//! What the fuzz tests call: messages of the kernel, and what a supervisor hands over.

use crate::{acpi, handover};

/// A message of the generic netlink family of ACPI.
pub fn acpi(input: &[u8]) {
    acpi::parse_group(input);
    if let Some(event) = acpi::parse_event(input) {
        assert!(!event.class.contains('\0'));
    }
}

/// The list of descriptors that were handed over.
pub fn handover(input: &[u8]) {
    handover::find(&String::from_utf8_lossy(input), "api");
}
