//! What `deny.toml` says about licences, banned crates and sources, checked by what cargo
//! tells, so without the network and without cargo-deny; which runs, too, where it is installed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{cargo, licence};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The part of `deny.toml` that is read here.
#[derive(Deserialize)]
struct Policy {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    #[serde(default)]
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

/// The part of `Cargo.lock` that is read here.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    /// Absent for members of the workspace.
    source: Option<String>,
}

/// A crate that is built.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    licence: String,
}

/// Checks all dependencies for the one target there is.
pub(super) fn check(root: &Path) -> Result<()> {
    let policy: Policy = parse(&root.join("deny.toml"))?;
    let lock: Lock = parse(&root.join("Cargo.lock"))?;
    let mut faults: Vec<_> = lock.package.iter().filter_map(source_fault).collect();
    faults.extend(
        load(root)?
            .iter()
            .flat_map(|package| package_faults(&policy, package)),
    );
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    let has_deny = Command::new("cargo-deny")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    match has_deny {
        true => cargo(
            root,
            &["deny", "--offline", "check", "licenses", "bans", "sources"],
        ),
        false => Ok(()),
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("parse {}", path.display()))
}

/// What is built for the one target. The metadata of cargo would also hold what features that are
/// off would bring.
fn load(root: &Path) -> Result<BTreeSet<Package>> {
    let output = Command::new("cargo")
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--prefix=none",
            "--format={p}|{l}",
        ])
        .args([
            "--edges=normal,build,dev",
            "--target=x86_64-unknown-linux-gnu",
        ])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("run cargo tree")?;
    if !output.status.success() {
        bail!("`cargo tree` failed");
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(parse_package).collect())
}

/// Reads `NAME vVERSION [(WHERE)]|LICENCE[ (*)]`; the star marks what was listed before.
fn parse_package(line: &str) -> Option<Package> {
    let (package, licence) = line.split_once('|')?;
    let name = package.split(' ').next()?;
    let licence = licence.strip_suffix("(*)").unwrap_or(licence).trim();
    Some(Package {
        name: name.to_owned(),
        licence: licence.to_owned(),
    })
}

fn source_fault(locked: &Locked) -> Option<String> {
    let source = locked
        .source
        .as_deref()
        .filter(|source| *source != CRATES_IO)?;
    Some(format!("{} comes from {source}", locked.name))
}

fn package_faults(policy: &Policy, package: &Package) -> Vec<String> {
    let Package { name, licence } = package;
    let mut faults = Vec::new();
    if policy.bans.deny.iter().any(|banned| banned.name == *name) {
        faults.push(format!("{name} is banned"));
    }
    match licence::allows(licence, &policy.licenses.allow) {
        Some(true) => {}
        Some(false) => faults.push(format!("{name} has the licence {licence}")),
        None => faults.push(format!(
            "{name} has the licence {licence:?}, which is not understood"
        )),
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_cargo_tree_are_read() {
        let package = |name: &str, licence: &str| {
            Some(Package {
                name: name.to_owned(),
                licence: licence.to_owned(),
            })
        };
        for (line, expected) in [
            (
                "serde v1.0.229|MIT OR Apache-2.0",
                package("serde", "MIT OR Apache-2.0"),
            ),
            (
                "serde_derive v1.0.2 (proc-macro)|MIT (*)",
                package("serde_derive", "MIT"),
            ),
            (
                "ichor-vm v0.1.0 (/src/crates/vm)|Apache-2.0",
                package("ichor-vm", "Apache-2.0"),
            ),
            ("none v1.0.0|", package("none", "")),
            ("", None),
        ] {
            assert_eq!(parse_package(line), expected, "{line}");
        }
    }

    #[test]
    fn each_rule_finds_its_fault() {
        let policy: Policy =
            toml::from_str("[licenses]\nallow = [\"MIT\"]\n[bans]\ndeny = [{ crate = \"ring\" }]")
                .unwrap();
        for (line, expected) in [
            ("good v1|MIT OR GPL-3.0", None),
            ("ring v1|MIT", Some("ring is banned")),
            ("gpl v1|GPL-3.0", Some("gpl has the licence GPL-3.0")),
            (
                "none v1|",
                Some("none has the licence \"\", which is not understood"),
            ),
        ] {
            let faults = package_faults(&policy, &parse_package(line).unwrap());
            assert_eq!(faults.first().map(String::as_str), expected);
        }
        let locked = |source: &str| Locked {
            name: "a".to_owned(),
            source: Some(source.to_owned()),
        };
        assert_eq!(source_fault(&locked(CRATES_IO)), None);
        assert!(source_fault(&locked("git+https://example.org/a")).is_some());
    }
}
