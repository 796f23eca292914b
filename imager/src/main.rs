//! `ichor-imager`: looks into images, checks them, and prepares firmware to demand our key.

use std::process::ExitCode;

use clap::Parser;
use ichor_imager::command::{self, Command};

/// Look into images, and check them.
#[derive(Parser)]
#[command(name = "ichor-imager", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match command::run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ichor-imager: {error:#}");
            ExitCode::FAILURE
        }
    }
}
