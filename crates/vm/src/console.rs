//! What a machine writes to its serial port.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// The file that QEMU appends a machine's serial output to.
#[derive(Clone, Debug)]
pub struct Console {
    path: PathBuf,
}

/// Why a line was not seen.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The console's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text did not come in time.
    #[error("no {needle:?} on the console within {waited:?}; its end:\n{tail}")]
    Timeout {
        /// What was waited for.
        needle: String,
        /// For how long.
        waited: Duration,
        /// The last lines.
        tail: String,
    },
}

/// Lines that a failure shows.
pub(crate) const TAIL_LINES: usize = 60;

const POLL: Duration = Duration::from_millis(20);

impl Console {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file, for `tail -f`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything so far, without the escape sequences that firmware draws with.
    ///
    /// # Errors
    /// [`ConsoleError::Read`].
    pub fn text(&self) -> Result<String, ConsoleError> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(plain(&String::from_utf8_lossy(&bytes))),
            // QEMU makes the file when it starts.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(source) => Err(ConsoleError::Read {
                path: self.path.clone(),
                source,
            }),
        }
    }

    /// The last words of the kernel each time that it gave up.
    ///
    /// # Errors
    /// [`ConsoleError::Read`].
    pub fn panics(&self) -> Result<Vec<String>, ConsoleError> {
        Ok(panics(&self.text()?))
    }

    /// The last lines that are not empty.
    pub fn tail(&self, lines_max: usize) -> String {
        let text = match self.text() {
            Ok(text) => text,
            Err(error) => return error.to_string(),
        };
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let skipped = lines.len().saturating_sub(lines_max);
        lines
            .into_iter()
            .skip(skipped)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Waits until a line with `needle` has been written to its end, and gives that line.
    ///
    /// # Errors
    /// [`ConsoleError::Timeout`] with the console's end.
    pub fn wait_for(&self, needle: &str, patience: Duration) -> Result<String, ConsoleError> {
        self.wait_for_nth(needle, 1, patience)
    }

    /// Like [`wait_for`](Self::wait_for), for the `nth` line with that text, counted from one: the
    /// console goes on where it was when a machine starts again.
    ///
    /// # Errors
    /// [`ConsoleError::Timeout`] with the console's end.
    pub fn wait_for_nth(
        &self,
        needle: &str,
        nth: usize,
        patience: Duration,
    ) -> Result<String, ConsoleError> {
        let deadline = Instant::now() + patience;
        loop {
            let text = self.text()?;
            let mut found = whole_lines(&text).filter(|line| line.contains(needle));
            if let Some(line) = found.nth(nth.saturating_sub(1)) {
                return Ok(line.to_owned());
            }
            if Instant::now() >= deadline {
                return Err(ConsoleError::Timeout {
                    needle: needle.to_owned(),
                    waited: patience,
                    tail: self.tail(TAIL_LINES),
                });
            }
            thread::sleep(POLL);
        }
    }
}

/// Lines that are written to their end. A machine that loses its power within a line begins the next
/// start's first words on it: were such a line counted, both would be one.
fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines()
}

/// A kernel that stays as it is repeats the words in a last line, `---[ end Kernel panic ... ]---`.
fn panics(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.contains("---["))
        .filter_map(|line| line.split_once("Kernel panic - not syncing: "))
        .map(|(_time, why)| why.to_owned())
        .collect()
}

/// Drops control sequences (ECMA-48: ESC `[` parameters final byte) and carriage returns.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                if characters.next() == Some('[') {
                    characters.by_ref().find(|c| ('@'..='~').contains(c));
                }
            }
            '\r' => {}
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_escape_sequences() {
        assert_eq!(
            plain("\u{1b}[2J\u{1b}[01;01HBdsDxe\r\nnext\u{1b}[0m"),
            "BdsDxe\nnext"
        );
        assert_eq!(plain("cut\u{1b}["), "cut");
    }

    #[test]
    fn each_panic_counts_once() {
        let text = "[    2.7] Run /init as init process\n\
                    [    3.1] Oops: int3: 0000 [#1] PREEMPT SMP PTI\n\
                    [    3.2] Kernel panic - not syncing: Fatal exception\n\
                    [    3.3] ---[ end Kernel panic - not syncing: Fatal exception ]---\n\
                    [    1.0] Kernel panic - not syncing: VFS: no root\n";
        assert_eq!(panics(text), ["Fatal exception", "VFS: no root"]);
        assert!(panics("[    2.7] panic=10\n").is_empty());
    }

    #[test]
    fn waits_for_the_nth_line_and_shows_the_end_when_it_does_not_come() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "one up\ntwo\nthree up\n").unwrap();
        let console = Console::new(file.path().to_owned());
        let patience = Duration::from_millis(1);
        assert_eq!(console.wait_for("up", patience).unwrap(), "one up");
        assert_eq!(console.wait_for_nth("up", 2, patience).unwrap(), "three up");
        let error = console
            .wait_for_nth("up", 3, patience)
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("one up\ntwo\nthree up"), "{error}");
        assert_eq!(console.tail(1), "three up");
    }

    #[test]
    fn a_line_counts_when_it_has_its_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let console = Console::new(file.path().to_owned());
        let patience = Duration::from_millis(1);
        fs::write(file.path(), "boot 1: up\nboot 2: u").unwrap();
        assert!(console.wait_for("boot 2", patience).is_err());
        fs::write(file.path(), "boot 1: up\nboot 2: up\n").unwrap();
        assert_eq!(console.wait_for("boot 2", patience).unwrap(), "boot 2: up");
    }
}
