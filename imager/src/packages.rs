//! From the lock file to a tree of files that the packages contain.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::ImageError;
use crate::apt::{Apt, run};
use crate::error::at;
use crate::hwdb;
use crate::lock::{Lock, Package};
use crate::modules;

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
/// Packages and trees are kept in `cache` by their hashes, so that the next build reads nothing.
pub(crate) fn unpack(
    lock: &Lock,
    cache: &Path,
    when_gone: WhenGone,
) -> Result<(PathBuf, Lock), ImageError> {
    let (files, lock) = fetch(lock, cache, when_gone)?;
    let mut hasher = Sha256::new();
    for package in &lock.packages {
        hasher.update(package.sha256.as_bytes());
    }
    let tree = cache.join(format!("{TREE}-{}", hex(&hasher.finalize())));
    if tree.is_dir() {
        return Ok((tree, lock));
    }
    let unfinished = tempfile::tempdir_in(cache).map_err(at("make a directory in", cache))?;
    for file in files {
        run(Command::new("dpkg-deb")
            .arg("-x")
            .arg(&file)
            .arg(unfinished.path()))?;
    }
    prepare(unfinished.path())?;
    let unfinished = unfinished.keep();
    fs::rename(&unfinished, &tree).map_err(at("rename", &unfinished))?;
    Ok((tree, lock))
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

fn fetch(
    lock: &Lock,
    cache: &Path,
    when_gone: WhenGone,
) -> Result<(Vec<PathBuf>, Lock), ImageError> {
    let store = cache.join("debs");
    fs::create_dir_all(&store).map_err(at("make directory", &store))?;
    let mut apt = None;
    let mut files = Vec::new();
    let mut found = Lock {
        suite: lock.suite.clone(),
        packages: Vec::new(),
    };
    for package in &lock.packages {
        let cached = store.join(format!("{}.deb", package.sha256));
        if cached.is_file() && hash(&cached)? == package.sha256 {
            files.push(cached);
            found.packages.push(package.clone());
            continue;
        }
        let apt = match &mut apt {
            Some(apt) => apt,
            None => apt.insert(Apt::open(&cache.join("apt"), &lock.suite)?),
        };
        let (file, package) = download(apt, &store, package, when_gone)?;
        files.push(file);
        found.packages.push(package);
    }
    Ok((files, found))
}

fn download(
    apt: &Apt,
    store: &Path,
    locked: &Package,
    when_gone: WhenGone,
) -> Result<(PathBuf, Package), ImageError> {
    let mut name = locked.name.clone();
    let mut version = locked.version.clone();
    let mut result = apt.download(&name, &version);
    if result.is_err() {
        name = apt.successor(&locked.name)?;
        version = apt.newest(&name)?;
        if name != locked.name || version != locked.version {
            result = apt.download(&name, &version);
        }
    }
    let file = result?;
    let sha256 = hash(&file)?;
    let is_locked = name == locked.name && version == locked.version && sha256 == locked.sha256;
    if !is_locked && when_gone == WhenGone::Refuse {
        return Err(ImageError::Locked {
            name: locked.name.clone(),
            locked: format!("{} ({})", locked.version, locked.sha256),
            found: format!("{name} {version} ({sha256})"),
        });
    }
    let kept = store.join(format!("{sha256}.deb"));
    fs::copy(&file, &kept).map_err(at("copy", &file))?;
    let package = Package {
        name,
        version,
        sha256,
    };
    Ok((kept, package))
}

/// Makes a lock of the newest versions of packages in a suite.
///
/// # Errors
/// [`ImageError`]; without a network what apt said.
pub fn resolve(suite: &str, names: &[String], cache: &Path) -> Result<Lock, ImageError> {
    let store = cache.join("debs");
    fs::create_dir_all(&store).map_err(at("make directory", &store))?;
    let apt = Apt::open(&cache.join("apt"), suite)?;
    let mut packages = Vec::new();
    let names = names.iter().map(|name| apt.successor(name));
    for name in names.collect::<Result<BTreeSet<_>, _>>()? {
        let wanted = Package {
            version: apt.newest(&name)?,
            name,
            sha256: String::new(),
        };
        packages.push(download(&apt, &store, &wanted, WhenGone::TakeNewest)?.1);
    }
    Ok(Lock {
        suite: suite.to_owned(),
        packages,
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
) -> Result<(), ImageError> {
    let lock = resolve(suite, names, cache)?;
    let unfinished = tempfile::tempdir_in(cache).map_err(at("make a directory in", cache))?;
    for package in &lock.packages {
        let file = cache.join("debs").join(format!("{}.deb", package.sha256));
        run(Command::new("dpkg-deb")
            .arg("-x")
            .arg(&file)
            .arg(unfinished.path()))?;
    }
    let unfinished = unfinished.keep();
    fs::rename(&unfinished, into).map_err(at("rename", &unfinished))
}

fn hash(path: &Path) -> Result<String, ImageError> {
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
