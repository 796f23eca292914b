//! Device-mapper: block devices made from others by rules.
//!
//! Source: `include/uapi/linux/dm-ioctl.h`; Documentation/admin-guide/device-mapper/verity.rst.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

const NAME_BYTES: usize = 128;
const UUID_BYTES: usize = 129;
const TYPE_BYTES: usize = 16;
/// Header and one target with its parameters.
const BUFFER_BYTES: usize = 4096;
const READ_ONLY: u32 = 1;

#[derive(Clone, Copy)]
#[repr(u64)]
enum Request {
    Create = 3,
    Remove = 4,
    Suspend = 6,
    TableLoad = 9,
}

/// A device could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DmError {
    /// The control node could not be opened.
    #[error("open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A request was refused.
    #[error("{what} device {name}")]
    Request {
        /// What was asked.
        what: &'static str,
        /// The device.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Name or parameters do not fit into a request.
    #[error("the parameters of device {name} are too long")]
    TooLong {
        /// The device.
        name: String,
    },
}

/// `struct dm_ioctl`.
#[repr(C)]
struct Header {
    version: [u32; 3],
    data_size: u32,
    data_start: u32,
    target_count: u32,
    open_count: i32,
    flags: u32,
    event_nr: u32,
    padding: u32,
    dev: u64,
    name: [u8; NAME_BYTES],
    uuid: [u8; UUID_BYTES],
    data: [u8; 7],
}

/// `struct dm_target_spec`.
#[repr(C)]
struct TargetSpec {
    sector_start: u64,
    length: u64,
    status: i32,
    next: u32,
    target_type: [u8; TYPE_BYTES],
}

/// A rule for the whole of a device.
#[derive(Debug)]
pub struct Target<'a> {
    /// Such as `verity`.
    pub kind: &'a str,
    /// Size of the device in sectors of 512 bytes.
    pub sectors: u64,
    /// As in the table of the target.
    pub parameters: String,
}

/// Makes a read-only device and its node; returns the node's path.
///
/// # Errors
/// [`DmError`].
pub fn create_read_only(name: &str, target: &Target<'_>) -> Result<PathBuf, DmError> {
    let control = open_control()?;
    let device = call(&control, Request::Create, "create", name, None)?;
    call(
        &control,
        Request::TableLoad,
        "load the table of",
        name,
        Some(target),
    )?;
    // A suspend request without the suspend flag resumes: the table becomes active.
    call(&control, Request::Suspend, "activate", name, None)?;
    let node = PathBuf::from(format!("/dev/dm-{}", minor(device)));
    make_node(&node, device).map_err(|source| DmError::Request {
        what: "make the node of",
        name: name.to_owned(),
        source,
    })?;
    Ok(node)
}

/// Removes a device that nobody uses.
///
/// # Errors
/// [`DmError`]; `EBUSY` while it is in use.
pub fn remove(name: &str) -> Result<(), DmError> {
    call(&open_control()?, Request::Remove, "remove", name, None).map(drop)
}

fn open_control() -> Result<File, DmError> {
    let path = PathBuf::from("/dev/mapper/control");
    let control = OpenOptions::new().read(true).write(true).open(&path);
    control.map_err(|source| DmError::Open { path, source })
}

/// devtmpfs makes the node as soon as the device is known, which may be after the request.
fn make_node(path: &Path, device: u64) -> io::Result<()> {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    let number = makedev(rustix::fs::major(device), rustix::fs::minor(device));
    match mknodat(
        CWD,
        path,
        FileType::BlockDevice,
        Mode::from_raw_mode(0o600),
        number,
    ) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The kernel encodes device numbers as `huge_encode_dev` here.
fn minor(device: u64) -> u32 {
    rustix::fs::minor(device)
}

fn call(
    control: &File,
    request: Request,
    what: &'static str,
    name: &str,
    target: Option<&Target<'_>>,
) -> Result<u64, DmError> {
    let mut buffer = encode(request, name, target).ok_or_else(|| DmError::TooLong {
        name: name.to_owned(),
    })?;
    let number = 0xC138_FD00_u64 | request as u64;
    let number = libc::Ioctl::try_from(number).unwrap_or_default();
    // SAFETY: the buffer begins with a complete `struct dm_ioctl` that states the buffer's size.
    let result = unsafe { libc::ioctl(control.as_raw_fd(), number, buffer.as_mut_ptr()) };
    if result != 0 {
        return Err(DmError::Request {
            what,
            name: name.to_owned(),
            source: io::Error::last_os_error(),
        });
    }
    let offset = std::mem::offset_of!(Header, dev);
    let device = buffer
        .get(offset..offset + 8)
        .and_then(|bytes| bytes.try_into().ok());
    Ok(device.map(u64::from_ne_bytes).unwrap_or_default())
}

/// The bytes of a request; `None` when something does not fit.
fn encode(request: Request, name: &str, target: Option<&Target<'_>>) -> Option<Vec<u8>> {
    let header_bytes = size_of::<Header>();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut put = |offset: usize, bytes: &[u8]| -> Option<()> {
        buffer
            .get_mut(offset..offset.checked_add(bytes.len())?)?
            .copy_from_slice(bytes);
        Some(())
    };
    let flags = if matches!(request, Request::TableLoad) {
        READ_ONLY
    } else {
        0
    };
    put(0, &4_u32.to_ne_bytes())?;
    put(
        std::mem::offset_of!(Header, data_size),
        &u32::try_from(BUFFER_BYTES).ok()?.to_ne_bytes(),
    )?;
    put(
        std::mem::offset_of!(Header, data_start),
        &u32::try_from(header_bytes).ok()?.to_ne_bytes(),
    )?;
    put(
        std::mem::offset_of!(Header, target_count),
        &u32::from(target.is_some()).to_ne_bytes(),
    )?;
    put(std::mem::offset_of!(Header, flags), &flags.to_ne_bytes())?;
    if name.len() >= NAME_BYTES {
        return None;
    }
    put(std::mem::offset_of!(Header, name), name.as_bytes())?;
    if let Some(target) = target {
        if target.kind.len() >= TYPE_BYTES {
            return None;
        }
        put(
            header_bytes + std::mem::offset_of!(TargetSpec, length),
            &target.sectors.to_ne_bytes(),
        )?;
        put(
            header_bytes + std::mem::offset_of!(TargetSpec, target_type),
            target.kind.as_bytes(),
        )?;
        put(
            header_bytes + size_of::<TargetSpec>(),
            target.parameters.as_bytes(),
        )?;
    }
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_have_the_sizes_of_the_kernel() {
        assert_eq!(size_of::<Header>(), 312);
        assert_eq!(size_of::<TargetSpec>(), 40);
    }

    #[test]
    fn a_table_that_does_not_fit_is_refused() {
        let target = Target {
            kind: "verity",
            sectors: 8,
            parameters: "x".repeat(5000),
        };
        assert!(encode(Request::TableLoad, "root", Some(&target)).is_none());
    }
}
