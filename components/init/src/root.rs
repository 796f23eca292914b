//! The root file system: from a file in memory to a mount.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use ichor_sys::mount::{Attributes, NewMount};
use ichor_sys::{dm, loopdev};

use crate::error::Stage1Error;
use crate::verity::Protection;

/// The image, in the initramfs.
const IMAGE: &str = "/rootfs.squashfs";
/// Where the new root is mounted before it becomes the root.
pub(crate) const NEW_ROOT: &str = "/root";

/// Attaches, verifies and mounts the image.
///
/// The loop device keeps the file in memory after its name is gone; the verity device keeps the
/// loop device, and the mount keeps the verity device.
///
/// # Errors
/// [`Stage1Error`].
pub(crate) fn mount(protection: &Protection) -> Result<(), Stage1Error> {
    let path = PathBuf::from(IMAGE);
    let image = File::open(&path).map_err(|source| Stage1Error::Read { path, source })?;
    let device = loopdev::attach_read_only(image.as_fd())?;
    let verified = dm::create_read_only("root", &protection.target(&device.path))?;
    fs::create_dir_all(NEW_ROOT).map_err(|source| Stage1Error::Directory {
        path: NEW_ROOT.into(),
        source,
    })?;
    let source = verified.display().to_string();
    NewMount::fs("squashfs")
        .source(&source)
        .option("ro", "")
        .attributes(
            Attributes::MOUNT_ATTR_RDONLY
                | Attributes::MOUNT_ATTR_NOSUID
                | Attributes::MOUNT_ATTR_NODEV,
        )
        .attach(Path::new(NEW_ROOT))?;
    Ok(())
}
