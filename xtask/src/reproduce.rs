//! `cargo xtask reproduce`: the programs and all images are built twice, as two users would, and
//! compared byte by byte.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ichor_imager::lock::Lock;
use ichor_imager::packages::WhenGone;

use crate::cargo::{Place, target_directory};
use crate::image::{ALL, LOCK, Plan, Profile, cache_directory, cargo_build, signer};

/// What is compiled for images, and the command line.
const PROGRAMS: &[&str] = &["ichor-os", "stage1", "ichor"];
/// Parts of a checkout that no program is made of.
const NOT_SOURCES: &[&str] = &["target", "out", ".git"];
/// What cargo has fetched, and how it fetches; the rest of its home it makes anew.
const CARGO_HOME_KEPT: &[&str] = &["registry/cache", "registry/index", "config.toml"];

/// Builds everything twice and compares it; takes as long as two builds from nothing.
///
/// # Errors
/// The first program or image that differs.
pub(crate) fn run(root: &Path, profile: Profile) -> Result<()> {
    let place = root.join("out/reproduce");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("empty {}", place.display()))?;
    }
    programs(root, profile, &place)?;
    images(root, profile, &place)?;
    fs::remove_dir_all(&place).with_context(|| format!("remove {}", place.display()))
}

/// Two checkouts at different places, each with a home and a target directory of its own.
fn programs(root: &Path, profile: Profile, place: &Path) -> Result<()> {
    // Both copies are made before the first is built, so that they are the same.
    let places = [
        checkout(root, &place.join("first"))?,
        checkout(root, &place.join("another/second"))?,
    ];
    for place in &places {
        cargo_build(place, profile, None)?;
    }
    for name in PROGRAMS {
        compare(
            name,
            &places.each_ref().map(|place| place.program(profile, name)),
        )?;
    }
    Ok(())
}

fn checkout(root: &Path, own: &Path) -> Result<Place> {
    let (source, home) = (own.join("source"), own.join("cargo"));
    copy_sources(root, &source)?;
    link_home(&home)?;
    Ok(Place::with_own_state(source, home, own.join("built")))
}

fn copy_sources(root: &Path, to: &Path) -> Result<()> {
    let target = target_directory(root);
    let is_source =
        |path: &Path| *path != target && !NOT_SOURCES.iter().any(|name| path == root.join(name));
    copy_tree(root, to, &is_source)
}

fn copy_tree(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if !wanted(&path) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => copy_tree(&path, &copy, wanted)?,
            false => {
                fs::copy(&path, &copy).with_context(|| format!("copy {}", path.display()))?;
            }
        }
    }
    Ok(())
}

/// A home of cargo that needs no network and unpacks its packages itself.
fn link_home(home: &Path) -> Result<()> {
    let usual = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cargo"),
    };
    let registry = home.join("registry");
    fs::create_dir_all(&registry).with_context(|| format!("make {}", registry.display()))?;
    for name in CARGO_HOME_KEPT {
        let (kept, link) = (usual.join(name), home.join(name));
        if kept.exists() {
            symlink(&kept, &link).with_context(|| format!("link {}", link.display()))?;
        }
    }
    Ok(())
}

/// All kinds of image, in different directories and from packages unpacked anew.
fn images(root: &Path, profile: Profile, place: &Path) -> Result<()> {
    cargo_build(&Place::usual(root), profile, None)?;
    let lock = Lock::load(&root.join(LOCK))?;
    let signer = signer()?;
    let plan = Plan {
        root,
        profile,
        when_gone: WhenGone::Refuse,
        lock: &lock,
        signer: &signer,
        probe: None,
    };
    let debs = cache_directory()?.join("debs");
    let build = |name: &str| -> Result<PathBuf> {
        let own = place.join(name);
        // So that neither build asks the network.
        if debs.is_dir() {
            copy_tree(&debs, &own.join("cache/debs"), &|_| true)?;
        }
        plan.build(&own.join("cache"), &own.join("images"), ALL)?;
        Ok(own.join("images"))
    };
    let (first, second) = (build("first")?, build("another/second")?);
    for entry in fs::read_dir(&first).with_context(|| format!("read {}", first.display()))? {
        let name = entry?.file_name();
        let files = [&first, &second].map(|directory| directory.join(&name));
        compare(&name.to_string_lossy(), &files)?;
    }
    Ok(())
}

fn compare(name: &str, [first, second]: &[PathBuf; 2]) -> Result<()> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
    if read(first)? != read(second)? {
        bail!("{} and {} differ", first.display(), second.display());
    }
    println!("{name}: the same bytes twice");
    Ok(())
}
