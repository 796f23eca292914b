//! Files of `/etc` that change at run time.
//!
//! Each lies below `/system/etc` and is mounted, read-only, over its place in `/etc`. A change
//! writes a new file and puts a new mount under the old one before the old one goes: a reader
//! sees the old content or the new, never a mixture and never a gap.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use ichor_sys::mount;

/// A file of `/etc` could not be put in place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EtcError {
    #[error("{name:?} is not a path below /etc")]
    Name { name: String },
    #[error("{} does not exist in the image, so nothing can be mounted there", path.display())]
    NoPlace { path: PathBuf },
    #[error("write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("mount {} over {}", source_path.display(), target.display())]
    Mount {
        source_path: PathBuf,
        target: PathBuf,
        source: Box<mount::MountError>,
    },
}

/// Where contents lie and where they are seen.
#[derive(Clone, Debug)]
pub(crate) struct Etc {
    /// `/system/etc`.
    store: PathBuf,
    /// `/etc`.
    view: PathBuf,
    /// Containers without the right to mount only get the stored files.
    mounts: bool,
}

impl Etc {
    /// The directories of a node.
    pub(crate) fn new(mounts: bool) -> Self {
        Self {
            store: PathBuf::from("/system/etc"),
            view: PathBuf::from("/etc"),
            mounts,
        }
    }

    /// Puts new content in place, for readers in one step.
    ///
    /// # Errors
    /// [`EtcError`]; the old content then stays in place.
    pub(crate) fn apply(&self, name: &str, contents: &[u8], mode: u32) -> Result<(), EtcError> {
        let name = checked(name)?;
        let stored = self.store.join(name);
        let target = self.view.join(name);
        if self.mounts && !target.is_file() {
            return Err(EtcError::NoPlace { path: target });
        }
        replace(&stored, contents, mode).map_err(|source| EtcError::Write {
            path: stored.clone(),
            source,
        })?;
        if !self.mounts {
            return Ok(());
        }
        mount::replace_file(&stored, &target).map_err(|source| EtcError::Mount {
            source_path: stored,
            target,
            source: Box::new(source),
        })
    }
}

/// A relative path without `..`, so that nothing outside of the directory is written.
fn checked(name: &str) -> Result<&Path, EtcError> {
    let path = Path::new(name);
    let normal = |part: Component<'_>| matches!(part, Component::Normal(_));
    if name.is_empty() || !path.components().all(normal) {
        return Err(EtcError::Name {
            name: name.to_owned(),
        });
    }
    Ok(path)
}

/// Writes a new file beside the old one and renames it over that.
fn replace(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&temporary)?;
    file.write_all(contents)?;
    // The mode given to open(2) is subject to the umask.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    fn etc(name: &str) -> Etc {
        let root = std::env::temp_dir().join(format!("ichor-etc-{name}-{}", std::process::id()));
        fs::create_dir_all(root.join("view")).unwrap();
        Etc {
            store: root.join("store"),
            view: root.join("view"),
            mounts: false,
        }
    }

    #[test]
    fn refuses_names_that_leave_the_directory() {
        let etc = etc("names");
        for name in ["", "/passwd", "../passwd", "ssl/../../x", "./hosts"] {
            let error = etc.apply(name, b"", 0o644).unwrap_err();
            assert!(matches!(error, EtcError::Name { .. }), "{name}");
        }
    }

    #[test]
    fn replaces_content_and_mode_and_leaves_no_temporary_file() {
        let etc = etc("replace");
        etc.apply("cri/x.toml", b"long content", 0o600).unwrap();
        etc.apply("cri/x.toml", b"short", 0o644).unwrap();
        let path = etc.store.join("cri/x.toml");
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o644
        );
        assert_eq!(fs::read_dir(etc.store.join("cri")).unwrap().count(), 1);
    }

    #[test]
    fn says_when_the_image_has_no_such_file() {
        let etc = Etc {
            mounts: true,
            ..etc("place")
        };
        let error = etc.apply("nowhere", b"", 0o644).unwrap_err();
        assert!(error.to_string().contains("does not exist in the image"));
    }

    /// Large enough for several reads; each line is the same.
    fn version(number: usize) -> Vec<u8> {
        format!("{number:07}\n").repeat(5000).into_bytes()
    }

    /// The number of a whole version.
    fn number_of(contents: &[u8]) -> usize {
        let first: usize = std::str::from_utf8(&contents[..7])
            .unwrap()
            .parse()
            .unwrap();
        assert!(contents == version(first), "a mixture, or a part");
        first
    }

    /// Ends the readers, also when the writer fails.
    struct Stop<'a>(&'a AtomicBool);

    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn mount_a_reader_sees_the_old_content_or_the_new_at_every_moment() {
        const VERSIONS: usize = 200;
        let etc = Etc {
            mounts: true,
            ..etc("readers")
        };
        let path = etc.view.join("hosts");
        fs::write(&path, "").unwrap();
        etc.apply("hosts", &version(0), 0o644).unwrap();
        let stopped = AtomicBool::new(false);
        thread::scope(|scope| {
            let readers = [(), (), ()].map(|()| {
                scope.spawn(|| {
                    let mut seen = vec![0];
                    while !stopped.load(Ordering::Relaxed) {
                        let number = number_of(&fs::read(&path).unwrap());
                        assert!(number >= seen[seen.len() - 1], "an old version came back");
                        seen.push(number);
                    }
                    seen.dedup();
                    seen.len()
                })
            });
            let stop = Stop(&stopped);
            for number in 1..=VERSIONS {
                etc.apply("hosts", &version(number), 0o644).unwrap();
            }
            drop(stop);
            for reader in readers {
                let seen = reader.join().unwrap();
                println!("a reader saw {seen} versions of {VERSIONS}");
            }
        });
        assert_eq!(number_of(&fs::read(&path).unwrap()), VERSIONS);
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let target = path.display().to_string();
        assert_eq!(mounts.matches(&target).count(), 1);
        let written = fs::write(&path, "");
        mount::detach(&path).unwrap();
        assert_eq!(
            written.unwrap_err().kind(),
            io::ErrorKind::ReadOnlyFilesystem
        );
    }
}
