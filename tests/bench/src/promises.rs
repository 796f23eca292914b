//! What is promised. `PROMISES.md` says the same for people; a test holds both together.

use crate::guest::GuestSpeed;
use crate::speed::Speed;

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
    /// How long the kernel takes in a guest from its start to the first program. As a boot, it runs
    /// most of its code once, and emulation spends the time on translating it: a loop that it
    /// translates once says little about that.
    Boot,
}

/// How fast the computer was when a figure was taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pace {
    /// For people.
    pub(crate) text: String,
    /// Against the computer that the limit is meant for, which has 1; a slower one has more.
    pub(crate) slowness: f64,
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

/// The computer that the limits are meant for: software SHA-256, MB/s, natively and in a guest.
const NATIVE_SHA256_MB: f64 = 330.0;
const GUEST_SHA256_MB: f64 = 16.0;
/// Where Debian's kernel 6.12 starts in this time in a guest of two processors, in seconds.
const KERNEL_START_S: f64 = 3.3;

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
pub(crate) const BOOT: Promise = at_most("first answer, in a VM", 3.0, "s", Scale::Boot);
pub(crate) const STAGE1: Promise = at_most("stage 1, in a VM", 0.5, "s", Scale::Boot);
pub(crate) const IDLE: Promise = at_most("idle processor time, in a VM", 0.5, "%", Scale::Guest);

impl Promise {
    /// What counts for it, if its limit depends on the computer.
    pub(crate) fn pace(&self, native: Speed, guest: Option<GuestSpeed>) -> Option<Pace> {
        let sha256 = |speed: Speed, meant_for: f64| Pace {
            text: format!("{:.0} MB/s", speed.sha256_mb),
            slowness: meant_for / speed.sha256_mb,
        };
        match self.scale {
            Scale::None => None,
            Scale::Native => Some(sha256(native, NATIVE_SHA256_MB)),
            Scale::Guest => guest.map(|guest| sha256(guest.loops, GUEST_SHA256_MB)),
            Scale::Boot => guest.map(|guest| Pace {
                text: format!("kernel {:.2} s", guest.kernel_start_s),
                slowness: guest.kernel_start_s / KERNEL_START_S,
            }),
        }
    }

    /// The limit on a computer of that pace.
    pub(crate) fn limit_at(&self, pace: Option<&Pace>) -> f64 {
        let slowness = pace.map_or(1.0, |pace| pace.slowness);
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
            sha256_mb: NATIVE_SHA256_MB / 2.0,
            steps_m: 1.0,
        };
        let limit = |promise: Promise| promise.limit_at(promise.pace(slow, None).as_ref());
        assert_eq!(limit(CONNECTION), 2.4);
        assert_eq!(limit(ONE_CALLER), 2000.0);
        assert_eq!(limit(MEMORY), 24.0);
    }

    #[test]
    fn a_boot_is_measured_by_that_of_the_kernel() {
        let loops = Speed {
            sha256_mb: 1.0,
            steps_m: 1.0,
        };
        let guest = GuestSpeed {
            loops,
            kernel_start_s: KERNEL_START_S / 2.0,
        };
        let pace = BOOT.pace(loops, Some(guest));
        assert_eq!(BOOT.limit_at(pace.as_ref()), 1.5);
    }
}
