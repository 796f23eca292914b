//! What was measured, beside what is promised.

use std::fmt::Write;

use crate::promises::{Bound, Promise};
use crate::speed::Speed;

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

    pub(crate) fn guest_speed(&mut self, speed: Speed) {
        self.guest = Some(speed);
    }

    /// Adds a figure, and shows it at once: a run takes minutes.
    pub(crate) fn add(&mut self, promise: Promise, value: f64) {
        eprintln!("{}: {value:.3} {}", promise.name, promise.unit);
        self.figures.push(Figure { promise, value });
    }

    /// Adds what nothing is promised about.
    pub(crate) fn note(&mut self, text: String) {
        eprintln!("{text}");
        self.notes.push(text);
    }

    pub(crate) fn all_kept(&self) -> bool {
        self.figures.iter().all(|figure| {
            let limit = figure.promise.limit_on(self.native, self.guest);
            figure.promise.is_kept(figure.value, limit)
        })
    }

    /// As Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("\nThis computer: {}.\n", self.native);
        // Writing to a string cannot fail.
        if let Some(guest) = self.guest {
            let _written = writeln!(text, "A guest on it: {guest}.");
        }
        text.push_str(
            "\n| figure | measured | limit here | promised | kept |\n|---|---|---|---|---|\n",
        );
        for Figure { promise, value } in &self.figures {
            let limit = promise.limit_on(self.native, self.guest);
            let sign = match promise.bound {
                Bound::AtMost => "≤",
                Bound::AtLeast => "≥",
            };
            let kept = match promise.is_kept(*value, limit) {
                true => "yes",
                false => "**no**",
            };
            let _written = writeln!(
                text,
                "| {} | {value:.3} {unit} | {sign} {limit:.3} | {} {unit} | {kept} |",
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
