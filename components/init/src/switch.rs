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
    remove_initramfs()?;
    let switch = || {
        rustix::process::chdir(NEW_ROOT)?;
        rustix::mount::mount_move(".", "/")?;
        rustix::process::chroot(".")?;
        rustix::process::chdir("/")
    };
    switch().map_err(|error| failed("make the root of", Path::new(NEW_ROOT))(error.into()))?;
    Ok(mount::share_recursively(Path::new("/"))?)
}

/// Removes every file that lies on the initramfs itself.
fn remove_initramfs() -> Result<(), Stage1Error> {
    let root = Path::new("/");
    let device = device_of(root).map_err(failed("look at", root))?;
    for entry in fs::read_dir(root).map_err(failed("list", root))? {
        let path = entry.map_err(failed("list", root))?.path();
        let remove = || match path.symlink_metadata()?.is_dir() {
            true if device_of(&path)? == device => fs::remove_dir_all(&path),
            true => Ok(()),
            false => fs::remove_file(&path),
        };
        remove().map_err(failed("remove", &path))?;
    }
    Ok(())
}

fn failed(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Stage1Error {
    let path = path.to_owned();
    move |source| Stage1Error::Switch { step, path, source }
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
