//! What the fuzz tests call.

/// A message about a device.
pub fn device_event(input: &[u8]) {
    if let Some((_, name)) = crate::events::parse(input) {
        assert!(name.len() <= input.len());
    }
}

/// Texts and links of sysfs.
pub fn sysfs(input: &[u8]) {
    crate::sysfs::fuzzing::check(input);
}
