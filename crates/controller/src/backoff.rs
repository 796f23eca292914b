//! Growing pauses between attempts, with jitter.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_millis(50);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses that double from 50 ms up to 60 s, each shortened by up to half at random.
#[derive(Clone, Debug)]
pub struct Backoff {
    failures: u32,
    random: Random,
}

impl Backoff {
    /// The same seed gives the same pauses.
    pub fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            random: Random::new(seed),
        }
    }

    /// The pause after one more failure.
    pub fn next_pause(&mut self) -> Duration {
        // 50 ms doubled eleven times is beyond the longest pause.
        let factor = 1u32 << self.failures.min(11);
        self.failures = self.failures.saturating_add(1);
        let full = FIRST.saturating_mul(factor).min(LONGEST);
        full.mul_f64(1.0 - self.random.fraction() / 2.0)
    }

    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// SplitMix64: small, seedable, good enough to spread retries.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

/// A seed that differs between processes: the standard library seeds each hasher from the system.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_within_jitter_up_to_the_longest() {
        let mut backoff = Backoff::new(7);
        for failure in 0..20u32 {
            let full = (FIRST * (1 << failure.min(11))).min(LONGEST);
            let pause = backoff.next_pause();
            assert!(pause <= full && pause >= full / 2, "{failure}: {pause:?}");
        }
    }

    #[test]
    fn starts_again_after_success_and_depends_on_the_seed_only() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            let mut all: Vec<_> = (0..5).map(|_| backoff.next_pause()).collect();
            backoff.reset();
            all.push(backoff.next_pause());
            all
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
        assert!(pauses(1)[5] <= FIRST);
    }
}
