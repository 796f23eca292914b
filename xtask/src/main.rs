//! What building this project needs besides cargo.

mod proto;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// What building this project needs besides cargo. Called by `./x`.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate the Rust of the contract from `proto/`.
    Proto,
}

fn main() -> Result<()> {
    let root = root()?;
    match Arguments::parse().command {
        Command::Proto => proto::run(&root),
    }
}

/// The directory of the workspace.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().context("xtask lies in the workspace")?;
    Ok(root.to_owned())
}
