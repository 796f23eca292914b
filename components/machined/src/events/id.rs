//! Identifiers of events: 20 characters that sort by time.
//!
//! Twelve bytes (seconds, a random part for this process, a counter) in base 32 with the digits of
//! RFC 4648 section 7 in lower case: the form that is known as xid.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
const CHARACTERS: usize = 20;

/// An identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id([u8; 12]);

/// Makes identifiers, each greater than the one before.
#[derive(Debug)]
pub(crate) struct Source {
    process: [u8; 5],
    counter: u32,
    last_second: u32,
}

impl Source {
    pub(crate) fn new() -> Self {
        // The standard library seeds each hasher from the system's random numbers.
        let random = RandomState::new().build_hasher().finish().to_be_bytes();
        let [_, _, _, process @ ..] = random;
        Self {
            process,
            counter: 0,
            last_second: 0,
        }
    }

    pub(crate) fn next(&mut self, now: SystemTime) -> Id {
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let second = u32::try_from(since.as_secs()).unwrap_or(u32::MAX);
        // A clock that is set back must not disturb the order.
        self.last_second = self.last_second.max(second);
        self.counter = self.counter.wrapping_add(1) & 0x00ff_ffff;
        let [_, counter @ ..] = self.counter.to_be_bytes();
        let mut bytes = [0; 12];
        let parts = self.last_second.to_be_bytes().into_iter();
        let parts = parts.chain(self.process).chain(counter);
        for (place, byte) in bytes.iter_mut().zip(parts) {
            *place = byte;
        }
        Id(bytes)
    }
}

impl Id {
    /// When the identifier was made, to the second.
    pub(crate) fn time(self) -> SystemTime {
        let [a, b, c, d, ..] = self.0;
        let seconds = u32::from_be_bytes([a, b, c, d]);
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(seconds))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self
            .0
            .iter()
            .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        // 96 bits are written as 100, with four zeroes at the end.
        let number = number << 4;
        for position in (0..CHARACTERS).rev() {
            let digit = usize::try_from(number >> (5 * position) & 31).unwrap_or_default();
            let digit = DIGITS.get(digit).copied().unwrap_or(b'0');
            write!(f, "{}", char::from(digit))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_twenty_characters_that_sort_by_time() {
        let mut source = Source::new();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let first = source.next(start);
        let second = source.next(start);
        let back = source.next(start - Duration::from_secs(10));
        let later = source.next(start + Duration::from_secs(1));
        let texts = [first, second, back, later].map(|id| id.to_string());
        assert!(texts.iter().all(|text| text.len() == CHARACTERS));
        assert!(texts.is_sorted() && first < second && second < back && back < later);
        assert_eq!(first.time(), start);
    }

    #[test]
    fn is_written_as_others_write_it() {
        let id = Id([
            0x4d, 0x88, 0xe1, 0x5b, 0x60, 0xf4, 0x86, 0xe4, 0x28, 0x41, 0x2d, 0xc9,
        ]);
        assert_eq!(id.to_string(), "9m4e2mr0ui3e8a215n4g");
    }
}
