//! Stage 1 as a program of its own: small, so that the initramfs is.

use std::process::ExitCode;

fn main() -> ExitCode {
    ichor_init::main()
}
