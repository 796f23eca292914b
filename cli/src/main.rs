//! `ichor`: the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    ichor_cli::main()
}
