//! Tells the steps of building an image: what, how far, and how long.

use std::cell::RefCell;
use std::io::Write;
use std::time::Instant;

use ichor_imager::progress::Step;

/// A step shorter than this is not told how long it took.
const WORTH_TELLING_SECONDS: f32 = 0.5;

/// Names each step when it begins, and how long it took when it ends.
pub(crate) struct Steps {
    begun: RefCell<Option<Instant>>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self {
            begun: RefCell::new(None),
        }
    }

    /// A step begins, and ends the one before.
    pub(crate) fn begin(&self, step: Step<'_>) {
        self.end();
        print!("  {}", words(step));
        // Without it, the line would only be seen when it is complete.
        std::io::stdout().flush().ok();
        self.begun.replace(Some(Instant::now()));
    }

    /// The last step has ended.
    fn end(&self) {
        let Some(begun) = self.begun.take() else {
            return;
        };
        let seconds = begun.elapsed().as_secs_f32();
        match seconds < WORTH_TELLING_SECONDS {
            true => println!(),
            false => println!("  {seconds:.1} s"),
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.end();
    }
}

fn words(step: Step<'_>) -> String {
    match step {
        Step::Index { suite } => format!("reads the index of Debian {suite}"),
        Step::Download {
            number,
            count,
            name,
            version,
        } => format!("package {number}/{count}: downloads {name} {version}"),
        Step::Unpack { count } => format!("unpacks {count} packages"),
        Step::Make(what) => format!("makes the {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_tells_how_far_it_is() {
        let step = Step::Download {
            number: 3,
            count: 12,
            name: "udev",
            version: "257-1",
        };
        assert_eq!(words(step), "package 3/12: downloads udev 257-1");
    }
}
