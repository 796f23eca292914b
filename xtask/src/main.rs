//! What building this project needs besides cargo.

mod image;
mod proto;

use std::path::{Path, PathBuf};

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
    /// Build the images.
    Image {
        /// For which use.
        #[arg(long, value_enum, default_value = "vm")]
        profile: image::Profile,
        /// Refuse packages that differ from the lock file.
        #[arg(long)]
        locked: bool,
    },
    /// Build all images twice and compare them.
    Reproduce {
        /// For which use.
        #[arg(long, value_enum, default_value = "vm")]
        profile: image::Profile,
    },
    /// Bring `image.lock` to the newest versions of its suite.
    Lock,
    /// Generate the Rust of the contract from `proto/`.
    Proto,
}

fn main() -> Result<()> {
    let root = root()?;
    match Arguments::parse().command {
        Command::Image { profile, locked } => {
            let when_gone = match locked {
                true => WhenGone::Refuse,
                false => WhenGone::TakeNewest,
            };
            image::run(&root, profile, when_gone).map(drop)
        }
        Command::Reproduce { profile } => image::reproduce(&root, profile),
        Command::Lock => image::lock(&root),
        Command::Proto => proto::run(&root),
    }
}

/// The directory of the workspace.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().context("xtask lies in the workspace")?;
    Ok(root.to_owned())
}
