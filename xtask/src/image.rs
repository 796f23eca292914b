//! `cargo xtask image` and `lock`: build the binaries, then the images.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ichor_imager::build::{Also, Compression, Inputs, Outputs, Probe, build};
use ichor_imager::lock::Lock;
use ichor_imager::packages::{self, WhenGone};
use ichor_imager::{Signer, keys, sizes};

use crate::cargo::Place;
use crate::steps::Steps;

/// The packages of the image.
pub(crate) const LOCK: &str = "image.lock";
/// The packages of what tests call in their image.
const TOOLS_LOCK: &str = "tests/tools.lock";
/// The package of the program that only the tests' image has.
const PROBE: &str = "probe";
/// Every kind of image.
pub(crate) const ALL: &[Also] = &[Also::Qcow2, Also::Iso, Also::Oci];

/// For which use an image is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// Local clusters and tests: built and booted in seconds.
    Vm,
    /// What ships: small.
    Dist,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Dist => "dist",
        }
    }
}

/// Builds binaries and the images of a profile; they are in `out/PROFILE`.
///
/// # Errors
/// What cargo or the imager said.
pub(crate) fn run(root: &Path, profile: Profile, when_gone: WhenGone) -> Result<Outputs> {
    let also = match profile {
        Profile::Vm => &[],
        Profile::Dist => ALL,
    };
    run_with(root, profile, when_gone, also)
}

/// The same with a choice of images besides the disk.
///
/// # Errors
/// What cargo or the imager said.
pub(crate) fn run_with(
    root: &Path,
    profile: Profile,
    when_gone: WhenGone,
    also: &[Also],
) -> Result<Outputs> {
    make(root, profile, when_gone, also, None)
}

/// Builds the image that tests look into; it is in `out/PROFILE-probe`.
///
/// # Errors
/// What cargo or the imager said.
pub(crate) fn run_with_probe(
    root: &Path,
    profile: Profile,
    when_gone: WhenGone,
) -> Result<Outputs> {
    make(root, profile, when_gone, &[], Some(PROBE))
}

fn make(
    root: &Path,
    profile: Profile,
    when_gone: WhenGone,
    also: &[Also],
    probe: Option<&str>,
) -> Result<Outputs> {
    let start = Instant::now();
    let place = Place::usual(root);
    cargo_build(&place, profile, probe)?;
    println!("binaries  {:5.1} s", start.elapsed().as_secs_f32());
    let start = Instant::now();
    let lock = Lock::load(&root.join(LOCK))?;
    let tools = Lock::load(&root.join(TOOLS_LOCK))?;
    let signer = signer()?;
    let directory = match probe {
        None => profile.name().to_owned(),
        Some(probe) => format!("{}-{probe}", profile.name()),
    };
    let out = root.join("out").join(directory);
    let plan = Plan {
        root,
        profile,
        when_gone,
        lock: &lock,
        signer: &signer,
        probe: probe.map(|name| (name, &tools)),
    };
    let outputs = plan.build(&cache_directory()?, &out, also)?;
    // Who checks an image needs this, and never the key.
    let certificate = out.join(keys::CERTIFICATE_FILE);
    fs::write(&certificate, signer.certificate().to_pem())
        .with_context(|| format!("write {}", certificate.display()))?;
    if profile == Profile::Dist {
        for program in ["ichor-os", "stage1"] {
            place.check_program(&plan.binary(program))?;
        }
        for size in sizes::check(&plan.binary("ichor-os"), &outputs)? {
            println!(
                "{:16} {:9} of {} bytes",
                size.what, size.bytes, size.bytes_max
            );
        }
    }
    tell_drift(LOCK, &lock, &outputs.lock);
    if let Some(found) = &outputs.tools_lock {
        tell_drift(TOOLS_LOCK, &tools, found);
    }
    println!(
        "image     {:5.1} s  {}",
        start.elapsed().as_secs_f32(),
        outputs.disk.display()
    );
    Ok(outputs)
}

fn tell_drift(file: &str, lock: &Lock, found: &Lock) {
    for line in drift(file, lock, found) {
        println!("{line}");
    }
}

/// What to say when the archive had no longer what a lock file names.
fn drift(file: &str, lock: &Lock, found: &Lock) -> Vec<String> {
    let changes = lock.changes(found);
    if changes.is_empty() {
        return changes;
    }
    let suite = &lock.suite;
    let why = format!(
        "{file}: the archive has no longer what is locked, so the build went on with the newest of \
         {suite}; `./x lock` brings the file up to date, `./x image --locked` refuses to build"
    );
    let changes = changes.iter().map(|line| format!("{file}: {line}"));
    [why].into_iter().chain(changes).collect()
}

/// What several builds have in common.
pub(crate) struct Plan<'a> {
    pub(crate) root: &'a Path,
    pub(crate) profile: Profile,
    pub(crate) when_gone: WhenGone,
    pub(crate) lock: &'a Lock,
    pub(crate) signer: &'a Signer,
    /// In an image for tests: the program that takes PID 1's place, and what they call.
    pub(crate) probe: Option<(&'a str, &'a Lock)>,
}

impl Plan<'_> {
    fn binary(&self, name: &str) -> PathBuf {
        binary(self.root, self.profile, name)
    }

    /// Builds images of what was compiled.
    ///
    /// # Errors
    /// What the imager said.
    pub(crate) fn build(&self, cache: &Path, out: &Path, also: &[Also]) -> Result<Outputs> {
        let probe = self.probe.map(|(name, tools)| (self.binary(name), tools));
        let inputs = Inputs {
            version: env!("CARGO_PKG_VERSION"),
            binary: &self.binary("ichor-os"),
            stage1: &self.binary("stage1"),
            probe: probe
                .as_ref()
                .map(|(program, tools)| Probe { program, tools }),
            lock: self.lock,
            when_gone: self.when_gone,
            compression: match self.profile {
                Profile::Vm => Compression::Fast,
                Profile::Dist => Compression::Small,
            },
            signer: Some(self.signer),
            also,
            cache,
            out,
        };
        let steps = Steps::new();
        Ok(build(&inputs, &|step| steps.begin(step))?)
    }
}

/// Brings the lock files to the newest versions of their suites.
///
/// # Errors
/// What apt said.
pub(crate) fn lock(root: &Path) -> Result<()> {
    for file in [LOCK, TOOLS_LOCK] {
        renew(&root.join(file))?;
    }
    Ok(())
}

fn renew(path: &Path) -> Result<()> {
    let old = Lock::load(path)?;
    let steps = Steps::new();
    let new = packages::renew(&old, &cache_directory()?, &|step| steps.begin(step))?;
    drop(steps);
    for line in old.changes(&new) {
        println!("{line}");
    }
    new.save(path)?;
    Ok(())
}

/// Builds the programs of images, and those that start and ask them.
///
/// # Errors
/// When cargo fails.
pub(crate) fn cargo_build(place: &Place, profile: Profile, probe: Option<&str>) -> Result<()> {
    let packages = ["os", "init", "cli"];
    let packages = packages.into_iter().chain(probe);
    let status = place
        .command("build", profile)?
        .args(packages.map(|name| format!("--package=ichor-{name}")))
        .status()
        .context("run cargo")?;
    if !status.success() {
        bail!("cargo build failed");
    }
    Ok(())
}

/// A program that the build of an image makes.
pub(crate) fn binary(root: &Path, profile: Profile, name: &str) -> PathBuf {
    Place::usual(root).program(profile, name)
}

/// The key of `ICHOR_SIGNING_KEY` and `ICHOR_SIGNING_CERTIFICATE`, or one that the first build
/// makes for this user.
pub(crate) fn signer() -> Result<Signer> {
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

/// What is fetched is kept there for the next time.
pub(crate) fn cache_directory() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(directory).join("ichor"));
    }
    let home = std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(PathBuf::from(home).join(".cache/ichor"))
}

#[cfg(test)]
mod tests {
    use ichor_imager::lock::Package;

    use super::*;

    #[test]
    fn a_lock_that_does_not_hold_tells_what_was_done_and_what_to_do() {
        let lock = |version: &str| Lock {
            suite: "trixie".to_owned(),
            packages: vec![Package {
                name: "udev".to_owned(),
                version: version.to_owned(),
                sha256: version.to_owned(),
            }],
        };
        let told = drift("image.lock", &lock("1"), &lock("2"));
        let why = told[0].as_str();
        for words in ["newest of trixie", "`./x lock`", "--locked"] {
            assert!(why.contains(words), "{why}");
        }
        assert_eq!(told[1..], ["image.lock: -udev 1", "image.lock: +udev 2"]);
        assert!(drift("image.lock", &lock("1"), &lock("1")).is_empty());
    }
}
