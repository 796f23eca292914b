//! What the fuzz tests call.

/// A message about a device.
pub fn device_event(input: &[u8]) {
    if let Some((_, name)) = crate::events::parse(input) {
        assert!(name.len() <= input.len());
    }
}

/// The first sectors of a disk.
pub fn partition_table(input: &[u8]) {
    crate::partitions::fuzzing::check(input);
}

/// Texts and links of sysfs.
pub fn sysfs(input: &[u8]) {
    crate::sysfs::fuzzing::check(input);
}
