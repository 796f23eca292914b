//! `cargo xtask check`: everything that is checked without running the code.

mod licence;
mod policy;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{pages, proto};

/// Runs all checks, also after one has failed.
///
/// # Errors
/// The names of those that failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    type Check = (&'static str, fn(&Path) -> Result<()>);
    let checks: [Check; 6] = [
        ("format", format),
        ("comments in proto/", proto::check_comments),
        ("generated files", proto::check),
        ("pages of docs/", pages::check),
        ("policy for dependencies", policy::check),
        ("clippy", clippy),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        let start = Instant::now();
        let result = check(root);
        let seconds = start.elapsed().as_secs_f32();
        match result {
            Ok(()) => println!("{name}: in order ({seconds:.1} s)"),
            Err(error) => {
                println!("{name}: {error:#} ({seconds:.1} s)");
                failed.push(name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("not in order: {}", failed.join(", "));
    }
    Ok(())
}

fn format(root: &Path) -> Result<()> {
    cargo(root, &["fmt", "--all", "--check"])
}

fn clippy(root: &Path) -> Result<()> {
    cargo(
        root,
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    )
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(root)
        .status()
        .context("run cargo")?;
    if !status.success() {
        bail!("`cargo {}` failed", arguments.join(" "));
    }
    Ok(())
}
