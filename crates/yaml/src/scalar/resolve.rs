//! Whether a reader takes an unquoted scalar for a string.
//!
//! Source: YAML 1.2, section 10.3 (core schema), and for what older readers still do, the YAML 1.1
//! types bool, int, float (base 60) and timestamp.

/// Whether the plain text is read as a string, by readers of either version.
pub(super) fn is_string(text: &str) -> bool {
    let other = match text.chars().next() {
        None => true,
        Some('+' | '-' | '0'..='9') => {
            is_special_float(text) || is_timestamp(text) || is_number(text) || is_base60(text)
        }
        Some('.') => is_special_float(text) || is_go_float(text),
        Some(_) => is_word(text),
    };
    !other
}

fn is_word(text: &str) -> bool {
    matches!(
        text,
        "~" | "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
    ) || matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON")
        || matches!(text, "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF")
}

fn is_special_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn is_number(text: &str) -> bool {
    let text = text.replace('_', "");
    let (sign, unsigned) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let lower = unsigned.to_ascii_lowercase();
    let radix = |prefix: &str, radix: u32| {
        let digits = lower.strip_prefix(prefix).filter(|digits| {
            // `from_str_radix` would take a sign of its own.
            !digits.starts_with(['+', '-'])
        });
        digits
            .and_then(|digits| u64::from_str_radix(digits, radix).ok())
            .is_some_and(|number| !sign || i64::try_from(number).is_ok())
    };
    radix("0x", 16) || radix("0b", 2) || radix("0o", 8) || is_decimal(unsigned)
}

/// Digits, with an optional fraction and exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_ok =
        exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)));
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_ok && exponent_ok
}

/// What begins with a dot and is a float.
fn is_go_float(text: &str) -> bool {
    is_decimal(text)
}

/// `190:20:30`, and so many hardware addresses.
fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (body, fraction) = match unsigned.split_once('.') {
        Some((body, fraction)) => (body, fraction),
        None => (unsigned, ""),
    };
    let digit_or_underscore = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    let mut parts = body.split(':');
    let first = parts.next().unwrap_or_default();
    let mut count = 0;
    let rest_ok = parts.all(|part| {
        count += 1;
        match part.as_bytes() {
            [one] => one.is_ascii_digit(),
            [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
            _ => false,
        }
    });
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(digit_or_underscore)
        && rest_ok
        && count > 0
        && fraction.bytes().all(digit_or_underscore)
}

/// A date, or a date and a time.
fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = split_date(text) else {
        return false;
    };
    let mut date = date.split('-');
    let (year, month, day) = (date.next(), date.next(), date.next());
    let year_ok = year.is_some_and(|year| year.len() == 4 && within(year, 0, 9999));
    let date_ok = year_ok
        && date.next().is_none()
        && month.is_some_and(|month| within(month, 1, 12))
        && day.is_some_and(|day| within(day, 1, 31));
    date_ok && time.is_none_or(is_time)
}

fn split_date(text: &str) -> Option<(&str, Option<&str>)> {
    let end = text.find(['T', 't', ' ']);
    match end {
        None => Some((text, None)),
        Some(end) => Some((text.get(..end)?, Some(text.get(end + 1..)?))),
    }
}

fn is_time(text: &str) -> bool {
    let (clock, zone) = match text.find(['Z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let clock = clock.split_once('.').map_or(clock, |(clock, _)| clock);
    let mut parts = clock.split(':');
    let clock_ok = parts.next().is_some_and(|hour| within(hour, 0, 23))
        && parts.next().is_some_and(|minute| within(minute, 0, 59))
        && parts.next().is_some_and(|second| within(second, 0, 59))
        && parts.next().is_none();
    let zone_ok = match zone.split_once(':') {
        None => matches!(zone, "" | "Z"),
        Some((hour, minute)) => {
            let hour = hour.strip_prefix(['+', '-']).unwrap_or(hour);
            within(hour, 0, 24) && within(minute, 0, 60)
        }
    };
    clock_ok && zone_ok
}

fn within(text: &str, low: u32, high: u32) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && text
            .parse::<u32>()
            .is_ok_and(|number| (low..=high).contains(&number))
}
