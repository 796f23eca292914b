//! How long a service that ended rests before it is started again.

use std::time::Duration;

/// The first restart is quick, so that a single crash is hardly noticed.
const FIRST: Duration = Duration::from_millis(50);
/// The reference's pause between restarts.
const LONGEST: Duration = Duration::from_secs(5);
/// A service that ran this long starts with a clean slate.
const STABLE: Duration = Duration::from_secs(30);

/// Pauses between restarts: 50 ms, doubling up to 5 s.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The pause after a run that lasted `ran`.
    pub(crate) fn pause(&mut self, ran: Duration) -> Duration {
        if ran >= STABLE {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (self.next * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_five_seconds_and_forgives_a_stable_run() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..9).map(|_| backoff.pause(Duration::ZERO)).collect();
        assert_eq!(pauses[0], Duration::from_millis(50));
        assert_eq!(pauses[1], Duration::from_millis(100));
        assert_eq!(pauses[8], Duration::from_secs(5));
        assert_eq!(backoff.pause(STABLE), FIRST);
    }
}
