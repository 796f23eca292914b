//! What was measured, beside what is promised.

use std::fmt::Write;
use std::process::ExitCode;

use crate::promises::{Bound, Promise};
use ichor_speed::Speed;

/// All figures of a run.
#[derive(Debug)]
pub(crate) struct Report {
    native: Speed,
    guest: Option<Speed>,
    figures: Vec<Figure>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Figure {
    promise: Promise,
    value: f64,
    /// On a computer of the speed that this one had then.
    limit: f64,
    /// That speed, if the limit depends on it: software SHA-256, MB/s.
    speed: Option<f64>,
}

impl Report {
    pub(crate) fn new(native: Speed) -> Self {
        Self {
            native,
            guest: None,
            figures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Says how fast this computer is now: what others do on it changes that within a run.
    pub(crate) fn native_speed(&mut self, speed: Speed) {
        eprintln!("speed: {speed}");
        self.native = speed;
    }

    /// The same for guests.
    pub(crate) fn guest_speed(&mut self, speed: Speed) {
        eprintln!("speed of a guest: {speed}");
        self.guest = Some(speed);
    }

    /// Adds a figure, and shows it at once: a run takes minutes.
    pub(crate) fn add(&mut self, promise: Promise, value: f64) {
        eprintln!("{}: {value:.3} {}", promise.name, promise.unit);
        let speed = promise.speed_of(self.native, self.guest);
        self.figures.push(Figure {
            promise,
            value,
            limit: promise.limit_at(speed),
            speed,
        });
    }

    /// Adds what nothing is promised about.
    pub(crate) fn note(&mut self, text: String) {
        eprintln!("{text}");
        self.notes.push(text);
    }

    /// Prints the table. A promise that is not kept is a failure's exit code.
    pub(crate) fn end(&self) -> ExitCode {
        print!("{}", self.table());
        let kept = |figure: &Figure| figure.promise.is_kept(figure.value, figure.limit);
        match self.figures.iter().all(kept) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }

    /// As Markdown.
    fn table(&self) -> String {
        let mut text = String::from(
            "\n| figure | measured | SHA-256 then | limit then | promised | kept |\n\
             |---|---|---|---|---|---|\n",
        );
        for figure in &self.figures {
            let Figure {
                promise,
                value,
                limit,
                speed,
            } = figure;
            let speed = speed.map_or("–".to_owned(), |speed| format!("{speed:.0} MB/s"));
            let sign = match promise.bound {
                Bound::AtMost => "≤",
                Bound::AtLeast => "≥",
            };
            let kept = match promise.is_kept(*value, *limit) {
                true => "yes",
                false => "**no**",
            };
            // Writing to a string cannot fail.
            let _written = writeln!(
                text,
                "| {} | {value:.3} {unit} | {speed} | {sign} {limit:.3} | {} {unit} | {kept} |",
                promise.name,
                promise.limit,
                unit = promise.unit,
            );
        }
        text.push('\n');
        for note in &self.notes {
            let _written = writeln!(text, "- {note}");
        }
        text
    }
}
