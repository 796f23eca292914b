//! `ichor-imager`: looks into images, checks them, and prepares firmware to demand our key.

use std::io::{self, Write};
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
            // A reader that has gone, such as `head` when it has enough, wants to hear no more.
            if !is_broken_pipe(&error) {
                writeln!(io::stderr(), "ichor-imager: {error:#}").ok();
            }
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
