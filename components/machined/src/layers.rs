//! The file system layers above the root.

pub(crate) mod overlays;
pub(crate) mod table;

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use ichor_kmod::Modules;
use ichor_sys::mount::{Attributes, MountError, NewMount};
use tracing::{info, warn};

use crate::sequence::TaskError;
use table::{DIRECTORIES, Directory, MOUNTS, Mount, Need};

/// A layer could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LayerError {
    #[error("mount {target}")]
    Mount {
        target: &'static str,
        source: MountError,
    },
    #[error("make directory {}", path.display())]
    Directory { path: PathBuf, source: io::Error },
}

/// Mounts what nothing works without above the root, and makes the directories on it.
///
/// # Errors
/// The first thing that could not be made.
pub(crate) fn apply() -> Result<(), LayerError> {
    let mut required = MOUNTS.iter().filter(|mount| mount.need == Need::Required);
    required.try_for_each(apply_mount)?;
    make_directories()
}

/// Mounts the rest. The machine goes on without what cannot be had.
pub(crate) fn apply_rest(modules: Option<&Modules>) {
    let has_uefi = Path::new("/sys/firmware/efi").exists();
    for mount in MOUNTS {
        let ready = match mount.need {
            Need::Required => continue,
            Need::IfUefi if !has_uefi => continue,
            Need::IfUefi | Need::IfSupported => Ok(()),
            Need::WithModule(module) => match modules {
                Some(modules) => modules.request(module).map_err(TaskError::from),
                None => continue,
            },
        };
        if let Err(error) = ready.and_then(|()| Ok(apply_mount(mount)?)) {
            let error = crate::describe(&*error);
            warn!(
                error,
                target = mount.target,
                "going on without a file system"
            );
        }
    }
}

/// Makes the directories only, for containers whose mounts are made from outside.
///
/// # Errors
/// [`LayerError::Directory`].
pub(crate) fn make_directories() -> Result<(), LayerError> {
    DIRECTORIES.iter().try_for_each(make)
}

fn apply_mount(mount: &Mount) -> Result<(), LayerError> {
    let Mount { fstype, target, .. } = *mount;
    let path = Path::new(target);
    // /dev and cgroups have no directories for these yet; elsewhere the image or sysfs has them.
    if target.starts_with("/dev/") {
        make(&Directory {
            path: target,
            mode: 0o755,
        })?;
    }
    if mount.need != Need::Required && !path.is_dir() {
        info!(
            target,
            "the kernel offers no place for this file system, going on without it"
        );
        return Ok(());
    }
    let mut attributes = Attributes::MOUNT_ATTR_NOSUID;
    let restrict = mount.restrict;
    attributes.set(Attributes::MOUNT_ATTR_NOEXEC, restrict.no_exec);
    attributes.set(Attributes::MOUNT_ATTR_NODEV, restrict.no_dev);
    attributes.set(Attributes::MOUNT_ATTR_RDONLY, restrict.read_only);
    let mut new = NewMount::fs(fstype).attributes(attributes);
    for (key, value) in mount.options {
        new = new.option(key, *value);
    }
    match new.attach(path) {
        Err(MountError::Unsupported { .. }) if mount.need != Need::Required => {
            info!(
                fstype,
                "the kernel has no such file system, going on without it"
            );
            Ok(())
        }
        result => result.map_err(|source| LayerError::Mount { target, source }),
    }
}

fn make(directory: &Directory) -> Result<(), LayerError> {
    let path = Path::new(directory.path);
    let made = DirBuilder::new()
        .recursive(true)
        .create(path)
        .and_then(|()| {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(directory.mode))
        });
    made.map_err(|source| LayerError::Directory {
        path: path.to_owned(),
        source,
    })
}
