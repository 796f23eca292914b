//! `ichor`: the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Read here, so that another commit compiles nothing but this.
    ichor_cli::main(option_env!("ICHOR_COMMIT").unwrap_or("unknown"))
}
