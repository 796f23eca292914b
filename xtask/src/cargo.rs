//! How cargo builds what images hold: programs that do not tell where they were built.
//!
//! Messages of panics name source files. Members of the workspace are named relative to it, but
//! packages by where this user's cargo keeps them, so that two users would get different programs.
//! Cargo has no stable setting for this; the compiler's own flag changes both prefixes.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::commit;
use crate::image::Profile;

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// What stands in programs for the directories of packages.
const PACKAGES: &str = "/packages";
/// The same for the checkout, and for what build scripts write.
const WORKSPACE: &str = "/ichor";
const BUILD: &str = "/build";

/// A checkout, and the state of cargo that builds it.
#[derive(Debug)]
pub(crate) struct Place {
    root: PathBuf,
    own: Option<OwnState>,
}

#[derive(Debug)]
struct OwnState {
    home: PathBuf,
    target: PathBuf,
}

/// The part of what `cargo metadata` tells that is read here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    /// Absent for members of the workspace.
    source: Option<String>,
    manifest_path: PathBuf,
}

impl Place {
    /// The checkout with this user's cargo.
    pub(crate) fn usual(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            own: None,
        }
    }

    /// A checkout with a state of its own, which asks no network.
    pub(crate) fn with_own_state(root: PathBuf, home: PathBuf, target: PathBuf) -> Self {
        Self {
            root,
            own: Some(OwnState { home, target }),
        }
    }

    /// `cargo VERB` for a profile of images.
    ///
    /// # Errors
    /// When cargo cannot say where packages are.
    pub(crate) fn command(&self, verb: &str, profile: Profile) -> Result<Command> {
        let flags = toml::Value::from(flags(&self.metadata()?));
        let mut cargo = self.cargo(verb);
        // Joined with the flags of `.cargo/config.toml`.
        cargo.arg(format!("--config=target.{TARGET}.rustflags={flags}"));
        cargo.args(["--profile", profile.name()]);
        // Only the programs themselves read it, so another commit compiles nothing else.
        cargo.env(commit::VARIABLE, commit::load(&self.root));
        Ok(cargo)
    }

    /// A program that was built here.
    pub(crate) fn program(&self, profile: Profile, name: &str) -> PathBuf {
        let target = match &self.own {
            Some(own) => own.target.clone(),
            None => target_directory(&self.root),
        };
        target.join(TARGET).join(profile.name()).join(name)
    }

    /// Makes sure that a program does not tell where the packages were that it was built from.
    ///
    /// # Errors
    /// When it does, with the directory.
    pub(crate) fn check_program(&self, program: &Path) -> Result<()> {
        let content = std::fs::read(program).with_context(|| program.display().to_string())?;
        for directory in package_directories(&self.metadata()?) {
            let name = directory.as_os_str().as_bytes();
            if content.windows(name.len()).any(|part| part == name) {
                bail!("{} names {}", program.display(), directory.display());
            }
        }
        Ok(())
    }

    fn cargo(&self, verb: &str) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.root).args([verb, "--locked"]);
        if let Some(own) = &self.own {
            cargo
                .env("CARGO_HOME", &own.home)
                .env("CARGO_TARGET_DIR", &own.target)
                .env("CARGO_NET_OFFLINE", "true");
        }
        cargo
    }

    fn metadata(&self) -> Result<Metadata> {
        let output = self
            .cargo("metadata")
            .args(["--format-version=1", "--filter-platform", TARGET])
            .stderr(Stdio::inherit())
            .output()
            .context("run cargo metadata")?;
        if !output.status.success() {
            bail!("`cargo metadata` failed");
        }
        serde_json::from_slice(&output.stdout).context("read what `cargo metadata` says")
    }
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root.join(directory),
        None => root.join("target"),
    }
}

fn package_directories(metadata: &Metadata) -> BTreeSet<PathBuf> {
    let foreign = metadata
        .packages
        .iter()
        .filter(|package| package.source.is_some());
    let directories = foreign.filter_map(|package| package.manifest_path.parent()?.parent());
    directories.map(Path::to_owned).collect()
}

fn flags(metadata: &Metadata) -> Vec<String> {
    let packages = package_directories(metadata);
    let packages = packages
        .iter()
        .map(|directory| (directory.as_path(), PACKAGES));
    // Of several prefixes that fit, the compiler takes the last.
    [(metadata.workspace_root.as_path(), WORKSPACE)]
        .into_iter()
        .chain([(metadata.target_directory.as_path(), BUILD)])
        .chain(packages)
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_of_sources_has_a_name_that_is_the_same_for_all_users() {
        let told = r#"{
            "packages": [
                {"source": null, "manifest_path": "/home/a/ichor/os/Cargo.toml"},
                {"source": "registry+x", "manifest_path": "/home/a/.cargo/src/x-1/h2-1/Cargo.toml"},
                {"source": "registry+x", "manifest_path": "/home/a/.cargo/src/x-1/http-1/Cargo.toml"},
                {"source": "registry+y", "manifest_path": "/home/a/ichor/vendor/y-1/Cargo.toml"}
            ],
            "target_directory": "/home/a/ichor/target",
            "workspace_root": "/home/a/ichor"
        }"#;
        let expected = [
            "--remap-path-prefix=/home/a/ichor=/ichor",
            "--remap-path-prefix=/home/a/ichor/target=/build",
            "--remap-path-prefix=/home/a/.cargo/src/x-1=/packages",
            "--remap-path-prefix=/home/a/ichor/vendor=/packages",
        ];
        assert_eq!(flags(&serde_json::from_str(told).unwrap()), expected);
    }
}
