//! Mounts, by the descriptor-based calls of mount_setattr(2), fsopen(2) and move_mount(2).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount,
    open_tree, unmount,
};

pub use rustix::mount::MountAttrFlags as Attributes;

/// Goes under the mount that is at the target, instead of over it (Linux 6.5).
///
/// Source: `include/uapi/linux/mount.h`.
const MOVE_MOUNT_BENEATH: u32 = 0x0000_0200;

/// A mount could not be made, moved or removed.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The kernel has no such file system.
    #[error("the kernel has no file system {fstype}")]
    Unsupported {
        /// Its name.
        fstype: String,
    },
    /// An option was refused.
    #[error("set option {key}={value} of {fstype}")]
    Option {
        /// File system.
        fstype: String,
        /// Name of the option.
        key: String,
        /// Its value; empty for a flag.
        value: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The file system could not be made ready.
    #[error("create {fstype} for {}", target.display())]
    Create {
        /// File system.
        fstype: String,
        /// Where it was to be mounted.
        target: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A mount could not be put in place.
    #[error("attach to {}", target.display())]
    Attach {
        /// Where it was to be mounted.
        target: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A part of the tree could not be taken.
    #[error("take the tree at {}", path.display())]
    Take {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Attributes could not be changed.
    #[error("change the attributes of {}", path.display())]
    Attributes {
        /// Of what.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A mount could not be removed.
    #[error("unmount {}", target.display())]
    Unmount {
        /// Which.
        target: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// A file system to be mounted.
#[derive(Debug)]
pub struct NewMount<'a> {
    fstype: &'a str,
    options: Vec<(&'a str, String)>,
    attributes: Attributes,
}

impl<'a> NewMount<'a> {
    /// A file system of a type, such as `tmpfs`.
    pub fn fs(fstype: &'a str) -> Self {
        Self {
            fstype,
            options: vec![("source", fstype.to_owned())],
            attributes: Attributes::empty(),
        }
    }

    /// What it is made from, such as `/dev/loop0`. Without it, the name of the type is shown.
    #[must_use]
    pub fn source(mut self, source: &str) -> Self {
        self.options.retain(|(key, _)| *key != "source");
        self.option("source", source)
    }

    /// An option with a value, or a flag if the value is empty.
    #[must_use]
    pub fn option(mut self, key: &'a str, value: impl Into<String>) -> Self {
        self.options.push((key, value.into()));
        self
    }

    /// Restrictions of the mount, such as read-only.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes |= attributes;
        self
    }

    /// Mounts it over a directory that exists.
    ///
    /// # Errors
    /// [`MountError`]; nothing is mounted then.
    pub fn attach(self, target: &Path) -> Result<(), MountError> {
        attach(self.detached(target)?.as_fd(), target)
    }

    fn detached(self, target: &Path) -> Result<OwnedFd, MountError> {
        let fstype = self.fstype.to_owned();
        let context = match fsopen(self.fstype, FsOpenFlags::FSOPEN_CLOEXEC) {
            Ok(context) => context,
            Err(rustix::io::Errno::NODEV) => return Err(MountError::Unsupported { fstype }),
            Err(error) => return Err(create_error(fstype, target, error)),
        };
        for (key, value) in self.options {
            let set = match value.as_str() {
                "" => fsconfig_set_flag(context.as_fd(), key),
                value => fsconfig_set_string(context.as_fd(), key, value),
            };
            set.map_err(|error| MountError::Option {
                fstype: fstype.clone(),
                key: key.to_owned(),
                value,
                source: error.into(),
            })?;
        }
        fsconfig_create(context.as_fd())
            .map_err(|error| create_error(fstype.clone(), target, error))?;
        fsmount(
            context.as_fd(),
            FsMountFlags::FSMOUNT_CLOEXEC,
            self.attributes,
        )
        .map_err(|error| create_error(fstype, target, error))
    }
}

fn create_error(fstype: String, target: &Path, error: rustix::io::Errno) -> MountError {
    MountError::Create {
        fstype,
        target: target.to_owned(),
        source: error.into(),
    }
}

fn attach(tree: BorrowedFd<'_>, target: &Path) -> Result<(), MountError> {
    attach_with(tree, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

fn attach_with(
    tree: BorrowedFd<'_>,
    target: &Path,
    flags: MoveMountFlags,
) -> Result<(), MountError> {
    move_mount(tree, "", CWD, target, flags).map_err(|error| MountError::Attach {
        target: target.to_owned(),
        source: error.into(),
    })
}

/// A copy of the mount at a path, not attached anywhere.
fn clone_tree(path: &Path, recursive: bool) -> Result<OwnedFd, MountError> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(CWD, path, flags).map_err(|error| MountError::Take {
        path: path.to_owned(),
        source: error.into(),
    })
}

/// Shows a file or directory at a second place, with restrictions of its own.
///
/// # Errors
/// [`MountError`]; nothing is mounted then.
pub fn bind(from: &Path, target: &Path, attributes: Attributes) -> Result<(), MountError> {
    let tree = clone_tree(from, false)?;
    restrict(tree.as_fd(), from, attributes)?;
    attach(tree.as_fd(), target)
}

/// Shows a file read-only over another one, in one step for readers: an earlier mount of this
/// kind stays visible until the new one is in place.
///
/// # Errors
/// [`MountError`]; the earlier mount then is still in place.
pub fn replace_file(from: &Path, target: &Path) -> Result<(), MountError> {
    let tree = clone_tree(from, false)?;
    let attributes = Attributes::MOUNT_ATTR_RDONLY
        | Attributes::MOUNT_ATTR_NOSUID
        | Attributes::MOUNT_ATTR_NODEV
        | Attributes::MOUNT_ATTR_NOEXEC;
    restrict(tree.as_fd(), from, attributes)?;
    if !is_mount_point(target)? {
        return attach(tree.as_fd(), target);
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH
        | MoveMountFlags::from_bits_retain(MOVE_MOUNT_BENEATH);
    attach_with(tree.as_fd(), target, flags)?;
    // The old mount goes now; those who have it open keep reading it to its end.
    detach(target)
}

/// Whether something is mounted exactly here.
fn is_mount_point(path: &Path) -> Result<bool, MountError> {
    use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};
    let found = statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    let found = found.map_err(|error| MountError::Take {
        path: path.to_owned(),
        source: error.into(),
    })?;
    Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Moves a mount, with all that is mounted below it.
///
/// # Errors
/// [`MountError`].
pub fn relocate(from: &Path, target: &Path) -> Result<(), MountError> {
    rustix::mount::mount_move(from, target).map_err(|error| MountError::Attach {
        target: target.to_owned(),
        source: error.into(),
    })
}

/// Changes the propagation of a mount and all below it.
///
/// # Errors
/// [`MountError::Attributes`].
pub fn share_recursively(path: &Path) -> Result<(), MountError> {
    use rustix::mount::{MountPropagationFlags, mount_change};
    let flags = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
    mount_change(path, flags).map_err(|error| MountError::Attributes {
        path: path.to_owned(),
        source: error.into(),
    })
}

/// Makes a mount and all below it private: nothing propagates in or out.
///
/// # Errors
/// [`MountError::Attributes`].
pub fn make_private(path: &Path) -> Result<(), MountError> {
    use rustix::mount::{MountPropagationFlags, mount_change};
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change(path, flags).map_err(|error| MountError::Attributes {
        path: path.to_owned(),
        source: error.into(),
    })
}

/// Removes the topmost mount at a path. [`MountError::Unmount`] with EBUSY while it is in use.
///
/// # Errors
/// [`MountError::Unmount`].
pub fn detach_if_idle(target: &Path) -> Result<(), MountError> {
    unmount_with(target, UnmountFlags::NOFOLLOW)
}

/// Removes the topmost mount at a path from the tree; it ends with its last user.
///
/// # Errors
/// [`MountError::Unmount`].
pub fn detach(target: &Path) -> Result<(), MountError> {
    unmount_with(target, UnmountFlags::NOFOLLOW | UnmountFlags::DETACH)
}

fn unmount_with(target: &Path, flags: UnmountFlags) -> Result<(), MountError> {
    unmount(target, flags).map_err(|error| MountError::Unmount {
        target: target.to_owned(),
        source: error.into(),
    })
}

/// Makes a file system read-only that is still in use, so that it is consistent on disk.
///
/// # Errors
/// [`MountError::Attributes`].
pub fn remount_read_only(path: &Path) -> Result<(), MountError> {
    let flags = rustix::mount::MountFlags::RDONLY;
    rustix::mount::mount_remount(path, flags, c"").map_err(|error| MountError::Attributes {
        path: path.to_owned(),
        source: error.into(),
    })
}

/// `struct mount_attr` of mount_setattr(2).
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Adds restrictions to a mount that is not attached yet.
fn restrict(tree: BorrowedFd<'_>, path: &Path, attributes: Attributes) -> Result<(), MountError> {
    use std::os::fd::AsRawFd;
    let set = MountAttrFlags::from_bits_retain(attributes.bits());
    let change = MountAttr {
        set: u64::from(set.bits()),
        clear: 0,
        propagation: 0,
        user_namespace: 0,
    };
    // SAFETY: the descriptor is open, the path is a NUL-terminated constant, and `change` lives
    // through the call and has the size that is passed.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const change,
            size_of::<MountAttr>(),
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(MountError::Attributes {
        path: path.to_owned(),
        source: io::Error::last_os_error(),
    })
}
