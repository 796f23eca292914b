//! `cargo xtask image` and `lock`: build the binaries, then the images.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ichor_imager::build::{Also, Compression, Inputs, Outputs, build};
use ichor_imager::lock::Lock;
use ichor_imager::packages::{WhenGone, resolve};
use ichor_imager::{keys, sizes};

/// For which use an image is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// Local clusters and tests: built and booted in seconds.
    Vm,
    /// What ships: small.
    Dist,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Dist => "dist",
        }
    }
}

/// Builds binaries and images; they are in `out/PROFILE`.
///
/// # Errors
/// What cargo or the imager said.
pub(crate) fn run(root: &Path, profile: Profile, when_gone: WhenGone) -> Result<Outputs> {
    let start = Instant::now();
    let name = profile.name();
    cargo_build(root, name)?;
    println!("binaries  {:5.1} s", start.elapsed().as_secs_f32());
    let start = Instant::now();
    let lock_path = root.join("image.lock");
    let lock = Lock::load(&lock_path)?;
    let binaries = target_directory(root)
        .join("x86_64-unknown-linux-gnu")
        .join(name);
    let binary = binaries.join("ichor-os");
    let signer = signer()?;
    let out = root.join("out").join(name);
    let outputs = build(&Inputs {
        version: env!("CARGO_PKG_VERSION"),
        binary: &binary,
        stage1: &binaries.join("stage1"),
        lock: &lock,
        when_gone,
        compression: match profile {
            Profile::Vm => Compression::Fast,
            Profile::Dist => Compression::Small,
        },
        cache: &cache_directory()?,
        out: &out,
        signer: Some(&signer),
        also: match profile {
            Profile::Vm => &[],
            Profile::Dist => &[Also::Qcow2, Also::Iso],
        },
    })?;
    // Who checks an image needs this, and never the key.
    let certificate = out.join(keys::CERTIFICATE_FILE);
    std::fs::write(&certificate, signer.certificate().to_pem())
        .with_context(|| format!("write {}", certificate.display()))?;
    if profile == Profile::Dist {
        for size in sizes::check(&binary, &outputs)? {
            println!(
                "{:16} {:9} of {} bytes",
                size.what, size.bytes, size.bytes_max
            );
        }
    }
    for line in lock.changes(&outputs.lock) {
        println!("image.lock: {line}");
    }
    println!(
        "image     {:5.1} s  {}",
        start.elapsed().as_secs_f32(),
        outputs.disk.display()
    );
    Ok(outputs)
}

/// Brings the lock file to the newest versions of its suite.
///
/// # Errors
/// What apt said.
pub(crate) fn lock(root: &Path) -> Result<()> {
    let path = root.join("image.lock");
    let old = Lock::load(&path)?;
    let names: Vec<_> = old
        .packages
        .iter()
        .map(|package| package.name.clone())
        .collect();
    let new = resolve(&old.suite, &names, &cache_directory()?)?;
    for line in old.changes(&new) {
        println!("{line}");
    }
    new.save(&path)?;
    Ok(())
}

fn cargo_build(root: &Path, profile: &str) -> Result<()> {
    let status = Command::new("cargo")
        .args(["build", "--locked", "--profile", profile])
        .args([
            "--package",
            "ichor-os",
            "--package",
            "ichor-init",
            "--package",
            "ichor-cli",
        ])
        .current_dir(root)
        .status()
        .context("run cargo")?;
    if !status.success() {
        bail!("cargo build failed");
    }
    Ok(())
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root.join(directory),
        None => root.join("target"),
    }
}

/// The key of `ICHOR_SIGNING_KEY` and `ICHOR_SIGNING_CERTIFICATE`, or one that the first build
/// makes for this user.
fn signer() -> Result<ichor_imager::Signer> {
    let given = |name| std::env::var_os(name).map(PathBuf::from);
    match (
        given("ICHOR_SIGNING_KEY"),
        given("ICHOR_SIGNING_CERTIFICATE"),
    ) {
        (Some(key), Some(certificate)) => Ok(keys::load(&key, &certificate)?),
        (None, None) => Ok(keys::load_or_make(&data_directory()?.join("keys"))?),
        _ => bail!("ICHOR_SIGNING_KEY and ICHOR_SIGNING_CERTIFICATE go together"),
    }
}

fn data_directory() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("XDG_DATA_HOME") {
        return Ok(PathBuf::from(directory).join("ichor"));
    }
    let home = std::env::var_os("HOME").context("neither XDG_DATA_HOME nor HOME is set")?;
    Ok(PathBuf::from(home).join(".local/share/ichor"))
}

fn cache_directory() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(directory).join("ichor"));
    }
    let home = std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(PathBuf::from(home).join(".cache/ichor"))
}
