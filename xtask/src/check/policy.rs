//! What `deny.toml` says about licences, banned crates and sources, checked against the metadata of
//! cargo, so without the network and without cargo-deny; which runs, too, where it is installed.

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

/// The part of `cargo metadata` that is read here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// Absent for members of the workspace.
    source: Option<String>,
}

/// Checks all dependencies for the one target there is.
pub(super) fn check(root: &Path) -> Result<()> {
    let path = root.join("deny.toml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let policy: Policy =
        toml::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
    let faults: Vec<_> = load(root)?
        .packages
        .iter()
        .flat_map(|package| faults(&policy, package))
        .collect();
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

fn load(root: &Path) -> Result<Metadata> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("run cargo metadata")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed");
    }
    serde_json::from_slice(&output.stdout).context("parse what cargo metadata says")
}

fn faults(policy: &Policy, package: &Package) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault =
        |what: String| faults.push(format!("{} {}: {what}", package.name, package.version));
    if policy
        .bans
        .deny
        .iter()
        .any(|banned| banned.name == package.name)
    {
        fault("is banned".to_owned());
    }
    if package
        .source
        .as_deref()
        .is_some_and(|source| source != CRATES_IO)
    {
        fault(format!(
            "comes from {}",
            package.source.as_deref().unwrap_or_default()
        ));
    }
    match &package.license {
        None => fault("names no licence".to_owned()),
        Some(expression) => match licence::allows(expression, &policy.licenses.allow) {
            Some(true) => {}
            Some(false) => fault(format!("licence {expression}")),
            None => fault(format!("licence {expression:?} is not understood")),
        },
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_fault() {
        let policy: Policy =
            toml::from_str("[licenses]\nallow = [\"MIT\"]\n[bans]\ndeny = [{ crate = \"ring\" }]")
                .unwrap();
        let package = |name: &str, license: Option<&str>, source: &str| Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            source: Some(source.to_owned()),
        };
        assert!(faults(&policy, &package("good", Some("MIT OR GPL-3.0"), CRATES_IO)).is_empty());
        for (bad, words) in [
            (package("ring", Some("MIT"), CRATES_IO), "is banned"),
            (
                package("other", Some("MIT"), "git+https://example.org"),
                "comes from",
            ),
            (
                package("gpl", Some("GPL-3.0"), CRATES_IO),
                "licence GPL-3.0",
            ),
            (package("none", None, CRATES_IO), "names no licence"),
        ] {
            let found = faults(&policy, &bad);
            assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
        }
    }
}
