//! The program in the image.

use std::process::ExitCode;

fn main() -> ExitCode {
    ichor_probe::main()
}
