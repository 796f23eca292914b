//! From the initramfs to the root file system.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ichor_sys::mount;

use crate::Times;
use crate::error::Stage1Error;
use crate::root::NEW_ROOT;

const INIT: &str = "/sbin/init";
/// Mounts that move along.
const MOVED: &[&str] = &["/dev", "/proc", "/sys"];

/// Makes the new root the root, and gives the memory of the old one back.
///
/// # Errors
/// [`Stage1Error::Mount`] or [`Stage1Error::Switch`].
pub(crate) fn to_new_root() -> Result<(), Stage1Error> {
    for path in MOVED {
        mount::relocate(Path::new(path), Path::new(&format!("{NEW_ROOT}{path}")))?;
    }
    // The initramfs cannot be unmounted: its files are removed while they can still be named.
    // What is mounted lies on other devices, and the image itself lives on in the loop device.
    remove_initramfs().map_err(Stage1Error::Switch)?;
    let switch = || -> io::Result<()> {
        rustix::process::chdir(NEW_ROOT)?;
        rustix::mount::mount_move(".", "/")?;
        rustix::process::chroot(".")?;
        rustix::process::chdir("/")?;
        Ok(())
    };
    switch().map_err(Stage1Error::Switch)?;
    Ok(mount::share_recursively(Path::new("/"))?)
}

/// Removes every file that lies on the initramfs itself.
fn remove_initramfs() -> io::Result<()> {
    let device = device_of(Path::new("/"))?;
    for entry in fs::read_dir("/")? {
        let path = entry?.path();
        if path.symlink_metadata()?.is_dir() {
            if device_of(&path)? == device {
                fs::remove_dir_all(&path)?;
            }
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn device_of(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(path.symlink_metadata()?.dev())
}

/// Becomes PID 1 of the root file system.
///
/// # Errors
/// [`Stage1Error::Execute`]; on success it does not return.
pub(crate) fn execute(times: &Times) -> Result<Infallible, Stage1Error> {
    let source = Command::new(INIT)
        .arg0("machined")
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("ICHOR_STAGE1_NS", &times.0)
        .exec();
    Err(Stage1Error::Execute {
        path: PathBuf::from(INIT),
        source,
    })
}
