//! The go command: that of this computer when it is new enough, else Debian's, in this user's cache.
//!
//! Nothing is installed. The toolchain that `go.mod` asks for, when it is newer, is fetched by the go
//! command itself like any module, which it does from version 1.21 on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use ichor_imager::packages::unpack_newest;
use ichor_imager::progress::Step;

use crate::steps::Steps;

/// The first version that fetches a newer toolchain by itself.
const OLDEST: (u32, u32) = (1, 21);

/// Where a newer one comes from: Debian 13.
const SUITE: &str = "trixie";
const VERSION: &str = "1.24";

/// A command that runs go.
///
/// # Errors
/// When there is none and none can be fetched, with what to do.
pub(super) fn command(cache: &Path) -> Result<Command> {
    let program = match version_in_path() {
        Some(version) if version >= OLDEST => PathBuf::from("go"),
        found => {
            let kept = cache.join(format!("go-{VERSION}-{SUITE}"));
            let program = kept.join(format!("usr/lib/go-{VERSION}/bin/go"));
            if !program.exists() {
                fetch(cache, &kept, found)?;
            }
            program
        }
    };
    let mut command = Command::new(program);
    // Debian's packages switch it off.
    command.env("GOTOOLCHAIN", "auto");
    Ok(command)
}

fn fetch(cache: &Path, kept: &Path, found: Option<(u32, u32)>) -> Result<()> {
    let (major, minor) = OLDEST;
    let packages = [
        format!("golang-{VERSION}-go"),
        format!("golang-{VERSION}-src"),
    ];
    match found {
        Some((own_major, own_minor)) => print!("go {own_major}.{own_minor} is too old: "),
        None => print!("there is no go: "),
    }
    println!(
        "fetches {} of Debian {SUITE} into {}",
        packages.join(" and "),
        kept.display()
    );
    let steps = Steps::new();
    let tell = |step: Step<'_>| steps.begin(step);
    unpack_newest(SUITE, &packages, cache, kept, &tell).with_context(|| {
        format!("get Go; to do it by hand, install Go {major}.{minor} or newer and put it in PATH")
    })
}

/// Major and minor version of the go command in PATH.
fn version_in_path() -> Option<(u32, u32)> {
    let output = Command::new("go")
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .output();
    parse_version(&String::from_utf8_lossy(&output.ok()?.stdout))
}

/// Reads `go version go1.26.8 linux/amd64`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let version = text.split(' ').nth(2)?.strip_prefix("go")?;
    let mut numbers = version.split(['.', 'r', 'b', '-']);
    let mut next = || numbers.next()?.parse().ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_are_read() {
        for (text, version) in [
            ("go version go1.26.8 linux/amd64", Some((1, 26))),
            ("go version go1.19.8 linux/amd64", Some((1, 19))),
            ("go version go1.21rc2 linux/amd64", Some((1, 21))),
            ("go version devel +b7a85e0003 linux/amd64", None),
            ("", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }
}
