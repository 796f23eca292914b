//! `cargo xtask check`: everything that is checked without a machine.

mod licence;
mod policy;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{pages, proto};

/// Its name, and what finds out.
type Check = (&'static str, fn(&Path) -> Result<()>);

/// What no test looks at.
const UNTESTED: &[Check] = &[
    ("format", format),
    ("policy for dependencies", policy::check),
    ("clippy", clippy),
];

/// What `./x test unit` looks at, too.
const TESTED: &[Check] = &[
    ("comments in proto/", proto::check_comments),
    ("generated files", proto::check),
    ("pages of docs/", pages::check),
    ("contract", contract),
];

/// Which checks are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All.
    All,
    /// Those that no test makes: for who runs all tests, too.
    Untested,
}

/// Runs checks, also after one has failed.
///
/// # Errors
/// The names of those that failed.
pub(crate) fn run(root: &Path, which: Which) -> Result<()> {
    let tested = match which {
        Which::All => TESTED,
        Which::Untested => &[],
    };
    let mut failed = Vec::new();
    for (name, check) in tested.iter().chain(UNTESTED) {
        let start = Instant::now();
        let result = check(root);
        let seconds = start.elapsed().as_secs_f32();
        match result {
            Ok(()) => println!("{name}: in order ({seconds:.1} s)"),
            Err(error) => {
                println!("{name}: {error:#} ({seconds:.1} s)");
                failed.push(*name);
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

/// The contract against the facts of the wire, and against the last release.
fn contract(root: &Path) -> Result<()> {
    // For one package, cargo would build its dependencies again, with fewer features.
    let arguments = ["test", "--quiet", "--locked", "--workspace", "--test=wire"];
    cargo(root, &arguments)
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
