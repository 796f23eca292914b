//! What is promised. `PROMISES.md` says the same for people; a test holds both together.

use ichor_speed::{MEANT_SHA256_MB, Speed};

/// Whether a figure should be small or large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    AtMost,
    AtLeast,
}

/// What a limit is scaled by, because it depends on the speed of the computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// It does not.
    None,
    /// This computer's software SHA-256.
    Native,
    /// The same in a guest.
    Guest,
}

/// One figure and its limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    /// As in `PROMISES.md`.
    pub(crate) name: &'static str,
    pub(crate) bound: Bound,
    pub(crate) limit: f64,
    pub(crate) unit: &'static str,
    pub(crate) scale: Scale,
}

/// The guest that limits are meant for: software SHA-256, MB/s.
const GUEST_SHA256_MB: f64 = 16.0;

const fn at_most(name: &'static str, limit: f64, unit: &'static str, scale: Scale) -> Promise {
    Promise {
        name,
        bound: Bound::AtMost,
        limit,
        unit,
        scale,
    }
}

const fn at_least(name: &'static str, limit: f64) -> Promise {
    Promise {
        name,
        bound: Bound::AtLeast,
        limit,
        unit: "/s",
        scale: Scale::Native,
    }
}

pub(crate) const NATIVE_START: Promise =
    at_most("first answer, natively", 0.15, "s", Scale::Native);
pub(crate) const MEMORY: Promise = at_most("memory of all components", 24.0, "MiB", Scale::None);
pub(crate) const VM_MEMORY: Promise = at_most(
    "memory of all components, in a VM",
    24.0,
    "MiB",
    Scale::None,
);
pub(crate) const MEMORY_GROWTH: Promise =
    at_most("memory after 60 000 calls", 2.0, "MiB more", Scale::None);
pub(crate) const ONE_CALLER: Promise = at_least("Version, 1 caller", 4000.0);
pub(crate) const ONE_CALLER_P50: Promise =
    at_most("Version, 1 caller, p50", 0.25, "ms", Scale::Native);
pub(crate) const MANY_CALLERS: Promise = at_least("Version, 64 callers", 28000.0);
pub(crate) const MANY_CALLERS_P99: Promise =
    at_most("Version, 64 callers, p99", 5.0, "ms", Scale::Native);
pub(crate) const CONNECTION: Promise =
    at_most("new connection and Version, p50", 1.2, "ms", Scale::Native);
pub(crate) const BOOT: Promise = at_most("first answer, in a VM", 3.0, "s", Scale::Guest);
pub(crate) const STAGE1: Promise = at_most("stage 1, in a VM", 0.5, "s", Scale::Guest);
pub(crate) const IDLE: Promise = at_most("idle processor time, in a VM", 0.5, "%", Scale::Guest);

pub(crate) const STATE_GETS: Promise = at_least("state, gets in memory", 500_000.0);
pub(crate) const STATE_UPDATES: Promise = at_least("state, updates in memory", 100_000.0);
pub(crate) const IDLE_SWITCHES: Promise =
    at_most("idle context switches, natively", 1.0, "/s", Scale::None);
pub(crate) const VM_IDLE_SWITCHES: Promise =
    at_most("idle context switches, in a VM", 30.0, "/s", Scale::None);

impl Promise {
    /// The speed that counts for it: software SHA-256, MB/s.
    pub(crate) fn speed_of(&self, native: Speed, guest: Option<Speed>) -> Option<f64> {
        match self.scale {
            Scale::None => None,
            Scale::Native => Some(native.sha256_mb),
            Scale::Guest => guest.map(|guest| guest.sha256_mb),
        }
    }

    /// The limit on a computer of that speed.
    pub(crate) fn limit_at(&self, speed: Option<f64>) -> f64 {
        let meant_for = match self.scale {
            Scale::Guest => GUEST_SHA256_MB,
            Scale::Native | Scale::None => MEANT_SHA256_MB,
        };
        let slowness = speed.map_or(1.0, |speed| meant_for / speed);
        match self.bound {
            Bound::AtMost => self.limit * slowness,
            Bound::AtLeast => self.limit / slowness,
        }
    }

    pub(crate) fn is_kept(&self, value: f64, limit: f64) -> bool {
        match self.bound {
            Bound::AtMost => value <= limit,
            Bound::AtLeast => value >= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_the_same() {
        let page = std::fs::read_to_string("../../PROMISES.md").unwrap();
        let all = [
            NATIVE_START,
            MEMORY,
            VM_MEMORY,
            MEMORY_GROWTH,
            ONE_CALLER,
            ONE_CALLER_P50,
            MANY_CALLERS,
            MANY_CALLERS_P99,
            CONNECTION,
            BOOT,
            STAGE1,
            IDLE,
            IDLE_SWITCHES,
            VM_IDLE_SWITCHES,
            STATE_GETS,
            STATE_UPDATES,
        ];
        for promise in all {
            let unit = match promise.unit {
                "/s" => "/s".to_owned(),
                unit => format!(" {unit}"),
            };
            let row = format!("| {} | {}{unit} |", promise.name, promise.limit);
            assert!(page.contains(&row), "PROMISES.md lacks {row}");
        }
    }

    #[test]
    fn a_slow_computer_has_more_time() {
        let slow = Speed {
            sha256_mb: MEANT_SHA256_MB / 2.0,
            steps_m: 1.0,
        };
        let limit = |promise: Promise| promise.limit_at(promise.speed_of(slow, None));
        assert_eq!(limit(CONNECTION), 2.4);
        assert_eq!(limit(ONE_CALLER), 2000.0);
        assert_eq!(limit(MEMORY), 24.0);
    }
}
