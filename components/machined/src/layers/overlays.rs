//! The third layer: directories of the image whose changes persist, on the file system at `/var`.
//!
//! What is written lies in an upper directory, which the kernel shows over the one of the image; that
//! one stays as it is. Containers' runtimes and Kubernetes write into these.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ichor_sys::mount::{Attributes, MountError, NewMount};
use rustix::fs::statfs;

/// Where the upper directories lie.
const STORE: &str = "var/system/overlays";

/// Directories of the image, and whether programs in them can be executed.
const OVERLAYS: &[(&str, Execute)] = &[
    ("etc/cni", Execute::No),
    ("etc/kubernetes", Execute::No),
    ("opt", Execute::Yes),
    ("usr/libexec/kubernetes", Execute::Yes),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Execute {
    Yes,
    No,
}

/// Source: `include/uapi/linux/magic.h`.
const OVERLAYFS: u64 = 0x794c_7630;

/// An overlay could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// Its directories could not be made.
    #[error("make directory {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The directory of the image could not be looked at.
    #[error("look at {}", path.display())]
    Lower {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It could not be mounted.
    #[error("mount the overlay of {}", path.display())]
    Mount {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        source: Box<MountError>,
    },
}

/// Puts all overlays in place; to be called when a file system has been mounted at `/var`. Those that
/// are there already stay.
///
/// # Errors
/// [`OverlayError`] of the first that could not be made; a later call goes on there.
pub fn apply() -> Result<(), OverlayError> {
    apply_below(Path::new("/"))
}

fn apply_below(root: &Path) -> Result<(), OverlayError> {
    let store = root.join(STORE);
    make(&store, 0o700)?;
    OVERLAYS
        .iter()
        .try_for_each(|(name, execute)| apply_one(root, &store, name, *execute))
}

fn apply_one(root: &Path, store: &Path, name: &str, execute: Execute) -> Result<(), OverlayError> {
    let target = root.join(name);
    let look = |source| OverlayError::Lower {
        path: target.clone(),
        source,
    };
    let found = statfs(&target).map_err(|error| look(error.into()))?;
    if u64::try_from(found.f_type) == Ok(OVERLAYFS) {
        return Ok(());
    }
    // The whole shows the mode of what is on top.
    let mode = fs::metadata(&target).map_err(look)?.mode() & 0o7777;
    let upper = store.join(format!("{}-diff", flat(name)));
    let work = store.join(format!("{}-workdir", flat(name)));
    make(&upper, mode)?;
    make(&work, 0o700)?;
    let mut attributes = Attributes::MOUNT_ATTR_NOSUID | Attributes::MOUNT_ATTR_NODEV;
    attributes.set(Attributes::MOUNT_ATTR_NOEXEC, execute == Execute::No);
    let text = |path: &Path| path.display().to_string();
    NewMount::fs("overlay")
        .option("lowerdir", text(&target))
        .option("upperdir", text(&upper))
        .option("workdir", text(&work))
        .attributes(attributes)
        .attach(&target)
        .map_err(|source| OverlayError::Mount {
            path: target,
            source: Box::new(source),
        })
}

/// A path as the name of one file.
fn flat(name: &str) -> String {
    name.replace('/', "-")
}

/// Makes a directory, and sets the mode of one that is new.
fn make(path: &Path, mode: u32) -> Result<(), OverlayError> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)));
    made.map_err(|source| OverlayError::Directory {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_overlay_has_directories_of_its_own() {
        let mut names: Vec<_> = OVERLAYS.iter().map(|(name, _)| flat(name)).collect();
        assert!(names.contains(&"etc-kubernetes".to_owned()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OVERLAYS.len());
    }

    #[test]
    fn mount_overlays_keep_what_is_written_and_leave_the_image_as_it_is() {
        let directory = std::env::temp_dir().join(format!("ichor-overlays-{}", std::process::id()));
        for (name, _) in OVERLAYS {
            fs::create_dir_all(directory.join(name)).unwrap();
            fs::write(directory.join(name).join("file"), "image").unwrap();
        }
        let own = directory.join("etc/cni/own");
        let changed = directory.join("opt/file");
        for mounted in [1, 2] {
            apply_below(&directory).unwrap();
            apply_below(&directory).unwrap();
            if mounted == 1 {
                fs::write(&own, "mine").unwrap();
                fs::write(&changed, "changed").unwrap();
            }
            assert_eq!(fs::read(&own).unwrap(), b"mine");
            assert_eq!(fs::read(&changed).unwrap(), b"changed");
            for (name, _) in OVERLAYS {
                // A second one on top would leave the first.
                ichor_sys::mount::detach(&directory.join(name)).unwrap();
            }
            assert!(!own.exists());
            assert_eq!(fs::read(&changed).unwrap(), b"image");
        }
        fs::remove_dir_all(directory).unwrap();
    }
}
