//! What building this project needs besides cargo.

mod bench;
mod cargo;
mod check;
mod commit;
mod image;
mod pages;
mod proto;
mod reproduce;
mod steps;
mod test;
mod up;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use ichor_imager::packages::WhenGone;

/// What building this project needs besides cargo. Called by `./x`.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build what changed and start a local node with it.
    Up,
    /// Stop the local node and remove it.
    Down,
    /// Run the tests.
    Test {
        /// Which; all when not given.
        #[arg(value_enum)]
        part: Option<test::Part>,
        /// Only tests whose names contain one of these.
        filter: Vec<String>,
    },
    /// Check format, lints, dependencies, generated files and the contract.
    Check {
        /// Leave out what `./x test` checks, too.
        #[arg(long)]
        untested: bool,
    },
    /// Build the images.
    Image {
        /// For which use.
        #[arg(long, value_enum, default_value = "vm")]
        profile: image::Profile,
        /// Refuse packages that differ from the lock file.
        #[arg(long)]
        locked: bool,
        /// Build the image that tests look into, in `out/PROFILE-probe`.
        #[arg(long)]
        probe: bool,
    },
    /// Build the programs and all images twice, as two users would, and compare them.
    Reproduce {
        /// For which use.
        #[arg(long, value_enum, default_value = "vm")]
        profile: image::Profile,
    },
    /// Measure the figures of `PROMISES.md`.
    Bench {
        /// Of which image.
        #[arg(long, value_enum, default_value = "dist")]
        profile: image::Profile,
        /// Only how long a machine takes to its first answer.
        #[arg(long)]
        boot: bool,
    },
    /// Bring `image.lock` to the newest versions of its suite.
    Lock,
    /// Generate what is committed: the Rust of the contract from `proto/`, and pages of `docs/`.
    Proto {
        /// Keep the contract, too, as that of the release which later ones must not break.
        #[arg(long)]
        release: bool,
    },
}

fn main() -> Result<ExitCode> {
    let root = root()?;
    match Arguments::parse().command {
        Command::Test { part, filter } => return test::run(&root, part, &filter),
        Command::Bench { profile, boot } => return bench::run(&root, profile, boot),
        Command::Up => up::run(&root),
        Command::Down => up::down(),
        Command::Check { untested } => {
            let which = match untested {
                true => check::Which::Untested,
                false => check::Which::All,
            };
            check::run(&root, which)
        }
        Command::Image {
            profile,
            locked,
            probe,
        } => {
            let when_gone = match locked {
                true => WhenGone::Refuse,
                false => WhenGone::TakeNewest,
            };
            match probe {
                true => image::run_with_probe(&root, profile, when_gone),
                false => image::run(&root, profile, when_gone),
            }
            .map(drop)
        }
        Command::Reproduce { profile } => reproduce::run(&root, profile),
        Command::Lock => image::lock(&root),
        Command::Proto { release } => {
            proto::run(&root)?;
            pages::write(&root)?;
            match release {
                true => proto::release(&root),
                false => Ok(()),
            }
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

/// The directory of the workspace.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().context("xtask lies in the workspace")?;
    Ok(root.to_owned())
}
