//! What is printed, also when nobody takes it.

use std::fmt;
use std::io::{self, Write};

use anyhow::{Context, Result};

/// Prints at once. Who has gone, such as `head` when it has enough, ends the program quietly.
///
/// # Errors
/// When the text cannot be written, for example to a disk that is full.
pub(crate) fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let mut output = io::stdout().lock();
    let written = output
        .write_all(text.as_ref())
        .and_then(|()| output.flush());
    if let Err(error) = &written
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        ichor_sys::signals::end_by_broken_pipe();
    }
    written.context("write to the standard output")
}

/// Tells of progress and errors. Who does not listen is not told.
pub(crate) fn tell(text: fmt::Arguments<'_>) {
    writeln!(io::stderr(), "{text}").ok();
}
