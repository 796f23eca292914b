//! Sizes, times and spans as people read them.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

/// A size in powers of ten, for those who ask for it, otherwise in bytes.
pub(crate) fn size(bytes: u64, humanize: bool) -> String {
    match humanize {
        true => ichor_resource::specs::pretty_size(bytes),
        false => bytes.to_string(),
    }
}

/// How long ago something was; at once, when it is ahead, as clocks differ.
pub(crate) fn age(time: Option<prost_types::Timestamp>) -> String {
    let time = time.and_then(|time| SystemTime::try_from(time).ok());
    let age = time.and_then(|time| SystemTime::now().duration_since(time).ok());
    span(age.unwrap_or_default())
}

/// A span down to seconds: `1h2m3s`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// A time of Unix in UTC, such as `Nov 28 2026 21:30:13`.
pub(crate) fn date(unix_seconds: i64) -> String {
    match Timestamp::from_second(unix_seconds) {
        Ok(time) => time.strftime("%b %e %Y %H:%M:%S").to_string(),
        Err(_out_of_range) => unix_seconds.to_string(),
    }
}

/// How long ago a time of Unix was, in its largest unit: `3 days ago`.
pub(crate) fn ago(unix_seconds: i64, now: i64) -> String {
    const UNITS: &[(i64, &str)] = &[
        (365 * 86400, "year"),
        (30 * 86400, "month"),
        (7 * 86400, "week"),
        (86400, "day"),
        (3600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let seconds = now.saturating_sub(unix_seconds);
    let Some((unit, name)) = UNITS.iter().find(|(unit, _)| seconds >= *unit) else {
        return "now".to_owned();
    };
    match seconds / unit {
        1 => format!("1 {name} ago"),
        count => format!("{count} {name}s ago"),
    }
}

/// Now, in seconds of Unix time.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// Reads a span such as `90s`, `1h30m` or `1.5h`.
///
/// # Errors
/// A sentence, when it is none.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let is_plain = !text.contains(|letter: char| letter.is_whitespace() || letter == 'P');
    let span = text.parse::<SignedDuration>().ok().filter(|_| is_plain);
    let span = span.and_then(|span| Duration::try_from(span).ok());
    span.ok_or_else(|| "write a span as 90s, 10m or 1h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, seconds) in [("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("0s", 0)] {
            assert_eq!(parse_span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "90", "1 h", "-5s", "soon", "PT5S x"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
        for (seconds, text) in [(5, "5s"), (65, "1m5s"), (3605, "1h0m5s")] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn times_are_written_for_people() {
        assert_eq!(date(0), "Jan  1 1970 00:00:00");
        assert_eq!(date(1_795_901_413), "Nov 28 2026 21:30:13");
        assert_eq!(date(i64::MAX), i64::MAX.to_string());
        for (seconds, text) in [
            (-5, "now"),
            (0, "now"),
            (1, "1 second ago"),
            (7200, "2 hours ago"),
            (86400 * 400, "1 year ago"),
        ] {
            assert_eq!(ago(1000, 1000 + seconds), text);
        }
    }
}
