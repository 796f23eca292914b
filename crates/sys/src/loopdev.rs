//! Loop devices: a file as a block device.
//!
//! Source: loop(4), `include/uapi/linux/loop.h`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::PathBuf;

const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// Another process may take a free device between asking for it and using it.
const ATTEMPTS: usize = 16;

/// A loop device could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// A device node could not be opened.
    #[error("open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// No free device.
    #[error("find a free loop device")]
    Free(#[source] io::Error),
    /// The file was refused.
    #[error("attach a file to {}", path.display())]
    Configure {
        /// The device.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// `struct loop_info64`.
#[repr(C)]
struct Info {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config`.
#[repr(C)]
struct Config {
    fd: u32,
    block_size: u32,
    info: Info,
    reserved: [u64; 8],
}

/// A loop device in use. The kernel frees it when the last user, this value included, is gone.
#[derive(Debug)]
pub struct LoopDevice {
    /// Its node, such as `/dev/loop0`.
    pub path: PathBuf,
    _open: File,
}

/// Makes a read-only block device of a file.
///
/// # Errors
/// [`LoopError`].
pub fn attach_read_only(file: BorrowedFd<'_>) -> Result<LoopDevice, LoopError> {
    let control_path = PathBuf::from("/dev/loop-control");
    let control = open(control_path)?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        // SAFETY: the descriptor is open and this request takes no argument.
        let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) };
        if number < 0 {
            return Err(LoopError::Free(io::Error::last_os_error()));
        }
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let device = open(path.clone())?;
        match configure(&device, file) {
            Ok(()) => {
                return Ok(LoopDevice {
                    path,
                    _open: device,
                });
            }
            Err(error) if attempts < ATTEMPTS && error.raw_os_error() == Some(libc::EBUSY) => {}
            Err(source) => return Err(LoopError::Configure { path, source }),
        }
    }
}

fn configure(device: &File, file: BorrowedFd<'_>) -> io::Result<()> {
    let config = Config {
        fd: u32::try_from(file.as_raw_fd()).map_err(io::Error::other)?,
        block_size: 0,
        info: Info {
            device: 0,
            inode: 0,
            rdevice: 0,
            offset: 0,
            size_limit: 0,
            number: 0,
            encrypt_type: 0,
            encrypt_key_size: 0,
            flags: LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
            file_name: [0; 64],
            crypt_name: [0; 64],
            encrypt_key: [0; 32],
            init: [0; 2],
        },
        reserved: [0; 8],
    };
    // SAFETY: the descriptor is open, and `config` has the layout of `struct loop_config` and
    // lives through the call.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) };
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

fn open(path: PathBuf) -> Result<File, LoopError> {
    let opened = OpenOptions::new().read(true).write(true).open(&path);
    opened.map_err(|source| LoopError::Open { path, source })
}
