//! What `deny.toml` says about licences, banned crates, versions and sources, checked by what cargo
//! tells, so without the network and without cargo-deny; which runs, too, where it is installed.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Versions beside others that are known.
    #[serde(default)]
    skip: Vec<Banned>,
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
    version: String,
    licence: String,
}

/// Checks all dependencies for the one target there is.
pub(super) fn check(root: &Path) -> Result<()> {
    let policy: Policy = parse(&root.join("deny.toml"))?;
    let lock: Lock = parse(&root.join("Cargo.lock"))?;
    let packages = load(root)?;
    for warning in version_warnings(&policy, &packages) {
        println!("warning: {warning}");
    }
    let mut faults: Vec<_> = lock.package.iter().filter_map(source_fault).collect();
    faults.extend(
        packages
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
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?);
    let licence = licence.strip_suffix("(*)").unwrap_or(licence).trim();
    Some(Package {
        name: name.to_owned(),
        version: version.trim_start_matches('v').to_owned(),
        licence: licence.to_owned(),
    })
}

/// Crates of which several versions are built, but for those that are known; and what is known and is
/// not so any more.
fn version_warnings(policy: &Policy, packages: &BTreeSet<Package>) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Package { name, version, .. } in packages {
        versions.entry(name).or_default().insert(version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let mut warnings = Vec::new();
    for Banned { name: known } in &policy.bans.skip {
        let (name, begin) = known.split_once('@').unwrap_or((known, ""));
        let begins = |version: &&str| {
            let rest = version.strip_prefix(begin);
            rest.is_some_and(|rest| begin.is_empty() || rest.is_empty() || rest.starts_with('.'))
        };
        let found = versions.get_mut(name).is_some_and(|versions| {
            let before = versions.len();
            versions.retain(|version| !begins(version));
            versions.len() < before
        });
        if !found {
            warnings.push(format!(
                "deny.toml skips {known}, which is no second version"
            ));
        }
    }
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        let versions: Vec<_> = versions.iter().copied().collect();
        warnings.push(format!("{name} is built as {}", versions.join(" and ")));
    }
    warnings
}

fn source_fault(locked: &Locked) -> Option<String> {
    let source = locked
        .source
        .as_deref()
        .filter(|source| *source != CRATES_IO)?;
    Some(format!("{} comes from {source}", locked.name))
}

fn package_faults(policy: &Policy, package: &Package) -> Vec<String> {
    let Package { name, licence, .. } = package;
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
        let package = |name: &str, version: &str, licence: &str| {
            Some(Package {
                name: name.to_owned(),
                version: version.to_owned(),
                licence: licence.to_owned(),
            })
        };
        for (line, expected) in [
            (
                "serde v1.0.229|MIT OR Apache-2.0",
                package("serde", "1.0.229", "MIT OR Apache-2.0"),
            ),
            (
                "serde_derive v1.0.2 (proc-macro)|MIT (*)",
                package("serde_derive", "1.0.2", "MIT"),
            ),
            (
                "ichor-vm v0.1.0 (/src/crates/vm)|Apache-2.0",
                package("ichor-vm", "0.1.0", "Apache-2.0"),
            ),
            ("none v1.0.0|", package("none", "1.0.0", "")),
            ("", None),
        ] {
            assert_eq!(parse_package(line), expected, "{line}");
        }
    }

    #[test]
    fn second_versions_are_told_but_for_those_that_are_known() {
        let warnings = |skip: &str, lines: &[&str]| {
            let text = format!("[licenses]\nallow = []\n[bans]\nskip = [{skip}]");
            let packages = lines.iter().filter_map(|line| parse_package(line));
            version_warnings(&toml::from_str(&text).unwrap(), &packages.collect())
        };
        let two = ["a v0.1.5|MIT", "a v0.10.0|MIT", "b v1.0.0|MIT"];
        assert_eq!(warnings("", &two), ["a is built as 0.1.5 and 0.10.0"]);
        let none: [&str; 0] = [];
        assert_eq!(warnings("{ crate = \"a@0.1\" }", &two), none);
        let three = [&two[..], &["a v2.0.0|MIT"]].concat();
        assert_eq!(
            warnings("{ crate = \"a@0.1\" }", &three),
            ["a is built as 0.10.0 and 2.0.0"]
        );
        assert_eq!(
            warnings("{ crate = \"b@1\" }", &two[1..]),
            ["deny.toml skips b@1, which is no second version"]
        );
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
