//! Mounting and unmounting.

use std::ffi::CString;
use std::io;
use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags};

use crate::protocol::MountCall;

/// `MS_REMOUNT` of mount(2), which has a function of its own.
const REMOUNT: u32 = 32;

pub(super) fn mount(call: &MountCall) -> io::Result<()> {
    let data = CString::new(call.data.as_str())?;
    let flags = MountFlags::from_bits_retain(call.flags & !REMOUNT);
    let target = call.target.as_path();
    let result = match call.flags & REMOUNT {
        0 => rustix::mount::mount(
            call.source.as_str(),
            target,
            call.fstype.as_str(),
            flags,
            data.as_c_str(),
        ),
        _ => rustix::mount::mount_remount(target, flags, data.as_c_str()),
    };
    Ok(result?)
}

pub(super) fn unmount(target: &Path) -> io::Result<()> {
    Ok(rustix::mount::unmount(target, UnmountFlags::NOFOLLOW)?)
}
