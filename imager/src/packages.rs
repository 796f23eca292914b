//! From the lock file to a tree of files that the packages contain.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::ImageError;
use crate::apt::{Apt, is_older, run};
use crate::error::at;
use crate::hwdb;
use crate::lock::{Lock, Package};
use crate::modules;
use crate::progress::{Progress, Step};
use crate::unused;

/// Trees, and what a build that was killed has left of one.
const TREES: &[&str] = &["tree-", ".tmp"];
/// Changes when what is made of the packages changes.
const TREE: &str = "tree-4";

/// What happens when the archive has no longer what the lock names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenGone {
    /// Take the newest version of the suite and say so.
    TakeNewest,
    /// Refuse to build.
    Refuse,
}

/// The content of all packages of the lock, unpacked; and the lock as it would have to be.
///
/// Packages and trees are kept in `cache` by their hashes, so that the next build reads nothing, and
/// until no build has used them for a month.
pub(crate) fn unpack(
    lock: &Lock,
    cache: &Path,
    when_gone: WhenGone,
    progress: Progress<'_>,
) -> Result<(PathBuf, Lock), ImageError> {
    let open = || Apt::open(&cache.join("apt"), &lock.suite);
    let store = store(cache)?;
    let (files, lock) = fetch(lock, &store, when_gone, progress, open)?;
    let mut hasher = Sha256::new();
    for package in &lock.packages {
        hasher.update(package.sha256.as_bytes());
    }
    let tree = cache.join(format!("{TREE}-{}", hex(&hasher.finalize())));
    if !tree.is_dir() {
        progress(Step::Unpack { count: files.len() });
        unpack_files(&files, cache, &tree, prepare)?;
    }
    for used in files.iter().chain([&tree]) {
        unused::touch(used)?;
    }
    unused::remove(&store, |name| name.ends_with(".deb"))?;
    unused::remove(cache, |name| {
        TREES.iter().any(|begin| name.starts_with(begin))
    })?;
    Ok((tree, lock))
}

/// Unpacks packages into a directory, which appears when it is complete.
fn unpack_files(
    files: &[PathBuf],
    cache: &Path,
    into: &Path,
    prepare: impl FnOnce(&Path) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let unfinished = tempfile::tempdir_in(cache).map_err(at("make a directory in", cache))?;
    // Packages bring the times of their directories along; that of the outer one stays ours.
    let tree = unfinished.path().join("tree");
    for file in files {
        run(Command::new("dpkg-deb").arg("-x").arg(file).arg(&tree))?;
    }
    prepare(&tree)?;
    fs::rename(&tree, into).map_err(at("rename", &tree))
}

/// Makes of what packages bring what an image wants; not every set of packages has it.
fn prepare(tree: &Path) -> Result<(), ImageError> {
    let descriptions = tree.join("usr/lib/udev/hwdb.d");
    if descriptions.is_dir() {
        let database = tree.join("usr/lib/udev/hwdb.bin");
        let content = hwdb::compile(&descriptions)?;
        fs::write(&database, content).map_err(at("write", &database))?;
    }
    let kernels = tree.join("usr/lib/modules");
    if kernels.is_dir() {
        modules::decompress(&kernels)?;
    }
    Ok(())
}

/// Where packages are kept, by their hashes.
fn store(cache: &Path) -> Result<PathBuf, ImageError> {
    let store = cache.join("debs");
    fs::create_dir_all(&store).map_err(at("make directory", &store))?;
    Ok(store)
}

fn fetch(
    lock: &Lock,
    store: &Path,
    when_gone: WhenGone,
    progress: Progress<'_>,
    open: impl Fn() -> Result<Apt, ImageError>,
) -> Result<(Vec<PathBuf>, Lock), ImageError> {
    let mut apt = None;
    let mut files = Vec::new();
    let mut found = Lock {
        suite: lock.suite.clone(),
        packages: Vec::new(),
    };
    for (index, locked) in lock.packages.iter().enumerate() {
        if let Some(file) = kept(store, locked)? {
            files.push(file);
            found.packages.push(locked.clone());
            continue;
        }
        let apt = match &mut apt {
            Some(apt) => apt,
            None => {
                progress(Step::Index { suite: &lock.suite });
                apt.insert(open()?)
            }
        };
        let package = match apt.version(&locked.name, &locked.version) {
            Some(package) => package,
            None => successor(apt, locked)?,
        };
        if package != *locked && when_gone == WhenGone::Refuse {
            return Err(ImageError::Locked {
                name: locked.name.clone(),
                locked: format!("{} ({})", locked.version, locked.sha256),
                found: format!("{} {} ({})", package.name, package.version, package.sha256),
            });
        }
        let place = (index, lock.packages.len());
        files.push(download(apt, store, &package, place, progress)?);
        found.packages.push(package);
    }
    Ok((files, found))
}

/// The newest version of a package. An older one than is locked is none: the mirror is behind, or
/// somebody wants us to take what has known faults.
fn successor(apt: &Apt, locked: &Package) -> Result<Package, ImageError> {
    let package = apt.newest(&apt.successor(&locked.name)?)?;
    if is_older(&package.version, &locked.version)? {
        return Err(ImageError::Older {
            name: locked.name.clone(),
            locked: locked.version.clone(),
            found: package.version,
        });
    }
    Ok(package)
}

/// The file of a package, when it is there and whole.
fn kept(store: &Path, package: &Package) -> Result<Option<PathBuf>, ImageError> {
    let file = store.join(format!("{}.deb", package.sha256));
    let is_whole = file.is_file() && hash(&file)? == package.sha256;
    Ok(is_whole.then_some(file))
}

/// The file of a package, which is downloaded when it is not there. Its place is that in the lock
/// file, from 0 on, and the number of packages there.
fn download(
    apt: &Apt,
    store: &Path,
    package: &Package,
    (index, count): (usize, usize),
    progress: Progress<'_>,
) -> Result<PathBuf, ImageError> {
    if let Some(file) = kept(store, package)? {
        return Ok(file);
    }
    progress(Step::Download {
        number: index + 1,
        count,
        name: &package.name,
        version: &package.version,
    });
    let file = apt.download(&package.name, &package.version)?;
    if hash(&file)? != package.sha256 {
        return Err(ImageError::Format {
            path: file,
            problem: format!("it is not the package of SHA-256 {}", package.sha256),
        });
    }
    let kept = store.join(format!("{}.deb", package.sha256));
    fs::copy(&file, &kept).map_err(at("copy", &file))?;
    Ok(kept)
}

/// The lock of the newest versions of its packages.
///
/// # Errors
/// [`ImageError`]; without a network what apt said, and [`ImageError::Older`] when a mirror is behind.
pub fn renew(lock: &Lock, cache: &Path, progress: Progress<'_>) -> Result<Lock, ImageError> {
    let store = store(cache)?;
    progress(Step::Index { suite: &lock.suite });
    let apt = Apt::open(&cache.join("apt"), &lock.suite)?;
    renew_from(&apt, lock, &store, progress)
}

fn renew_from(
    apt: &Apt,
    lock: &Lock,
    store: &Path,
    progress: Progress<'_>,
) -> Result<Lock, ImageError> {
    let mut packages = BTreeMap::new();
    for (index, locked) in lock.packages.iter().enumerate() {
        let package = successor(apt, locked)?;
        let place = (index, lock.packages.len());
        download(apt, store, &package, place, progress)?;
        packages.insert(package.name.clone(), package);
    }
    Ok(Lock {
        suite: lock.suite.clone(),
        packages: packages.into_values().collect(),
    })
}

/// Unpacks the newest versions of packages into a directory, which appears when it is complete: for
/// tools that are run from where they lie.
///
/// # Errors
/// [`ImageError`]; without a network what apt said.
pub fn unpack_newest(
    suite: &str,
    names: &[String],
    cache: &Path,
    into: &Path,
    progress: Progress<'_>,
) -> Result<(), ImageError> {
    let wanted = names.iter().map(|name| Package {
        name: name.clone(),
        version: String::new(),
        sha256: String::new(),
    });
    let wanted = Lock {
        suite: suite.to_owned(),
        packages: wanted.collect(),
    };
    let lock = renew(&wanted, cache, progress)?;
    progress(Step::Unpack {
        count: lock.packages.len(),
    });
    let packages = lock.packages.iter();
    let files: Vec<_> = packages
        .map(|package| cache.join("debs").join(format!("{}.deb", package.sha256)))
        .collect();
    unpack_files(&files, cache, into, |_| Ok(()))
}

pub(crate) fn hash(path: &Path) -> Result<String, ImageError> {
    let mut file = fs::File::open(path).map_err(at("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer).map_err(at("read", path))?;
        match buffer.get(..read) {
            Some(chunk) if !chunk.is_empty() => hasher.update(chunk),
            _ => return Ok(hex(&hasher.finalize())),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::repository::Archive;

    const SILENT: Progress<'static> = &|_step| {};

    fn lock(package: &Package) -> Lock {
        Lock {
            suite: "trixie".into(),
            packages: vec![package.clone()],
        }
    }

    #[test]
    fn what_the_archive_has_no_longer_is_replaced_by_what_is_newer() {
        let store = tempfile::tempdir().unwrap();
        let archive = Archive::new("Debian");
        let (old, new) = (archive.offer("udev", "1.9"), archive.offer("udev", "1.10"));
        let take = |when_gone| {
            fetch(&lock(&old), store.path(), when_gone, SILENT, || {
                archive.open()
            })
        };
        let refused = take(WhenGone::Refuse).unwrap_err();
        assert!(matches!(refused, ImageError::Locked { .. }), "{refused}");
        let (files, found) = take(WhenGone::TakeNewest).unwrap();
        assert_eq!(found, lock(&new));
        assert_eq!(hash(&files[0]).unwrap(), new.sha256);
        let apt = archive.open().unwrap();
        let renewed = renew_from(&apt, &lock(&old), store.path(), SILENT).unwrap();
        assert_eq!(renewed, lock(&new));
    }

    #[test]
    fn what_is_older_than_locked_is_refused() {
        let store = tempfile::tempdir().unwrap();
        let archive = Archive::new("Debian");
        let (new, _old) = (archive.offer("udev", "1.10"), archive.offer("udev", "1.9"));
        let taken = fetch(
            &lock(&new),
            store.path(),
            WhenGone::TakeNewest,
            SILENT,
            || archive.open(),
        );
        let apt = archive.open().unwrap();
        let renewed = renew_from(&apt, &lock(&new), store.path(), SILENT);
        for error in [taken.unwrap_err(), renewed.unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains("1.9, which is older"), "{error}");
        }
    }

    #[test]
    fn a_package_is_downloaded_once_also_when_the_lock_has_another() {
        let store = tempfile::tempdir().unwrap();
        let archive = Archive::new("Debian");
        let (old, _new) = (archive.offer("udev", "1"), archive.offer("udev", "2"));
        let steps = std::cell::RefCell::new(Vec::new());
        let tell = |step: Step<'_>| steps.borrow_mut().push(format!("{step:?}"));
        let take = || {
            let when_gone = WhenGone::TakeNewest;
            fetch(&lock(&old), store.path(), when_gone, &tell, || {
                archive.open()
            })
        };
        let (files, _) = take().unwrap();
        let told = steps.take();
        assert!(told[0].starts_with("Index"), "{told:?}");
        let download = "Download { number: 1, count: 1, name: \"udev\", version: \"2\" }";
        assert_eq!(told[1..], [download]);
        fs::remove_file(archive.file("udev")).unwrap();
        assert_eq!(take().unwrap().0, files);
        assert_eq!(steps.take().len(), 1, "the index only");
        fs::remove_file(&files[0]).unwrap();
        assert!(take().is_err(), "the archive has no file");
    }
}
