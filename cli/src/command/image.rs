//! `ichor image`: what the imager's own program does, too.

use std::process::ExitCode;

use anyhow::Result;

pub(crate) use ichor_imager::command::Command;

pub(crate) fn run(command: Command) -> Result<ExitCode> {
    // It has no connections, and prints by itself.
    ichor_sys::signals::end_at_broken_pipe();
    ichor_imager::command::run(command)?;
    Ok(ExitCode::SUCCESS)
}
