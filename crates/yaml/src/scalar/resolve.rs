//! Whether a reader takes an unquoted scalar for a string.
//!
//! Source: YAML 1.2, section 10.3 (core schema), and for what older readers still do, the YAML 1.1
//! types bool, int, float (base 60) and timestamp.

/// What readers take a plain scalar for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// All of them for a string.
    Text,
    /// Those of YAML 1.1 for something else.
    OldOther,
    /// All of them for something else.
    Other,
}

pub(super) fn resolve(text: &str) -> Reading {
    if is_old_bool(text) || is_base60(text) || text == "<<" {
        return Reading::OldOther;
    }
    let other = match text.chars().next() {
        None => true,
        Some('+' | '-' | '0'..='9') => {
            is_special_float(text) || is_timestamp(text) || is_number(text)
        }
        Some('.') => is_special_float(text) || is_decimal(text),
        Some(_) => is_null_or_bool(text),
    };
    if other { Reading::Other } else { Reading::Text }
}

fn is_null_or_bool(text: &str) -> bool {
    matches!(
        text,
        "~" | "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
    )
}

fn is_old_bool(text: &str) -> bool {
    let yes = matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON");
    let no = matches!(text, "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF");
    yes || no
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
    let numbers: Option<Vec<u32>> = date.split('-').map(number).collect();
    let year_is_long = date.find('-') == Some(4);
    let date_ok = match numbers.as_deref() {
        Some([year, month, day]) => (1..=days_of(*year, *month)).contains(day),
        _ => false,
    };
    year_is_long && date_ok && time.is_none_or(is_time)
}

/// 0 for a month that is none.
fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    }
}

fn split_date(text: &str) -> Option<(&str, Option<&str>)> {
    let end = text.find(['T', 't', ' ']);
    match end {
        None => Some((text, None)),
        Some(end) => Some((text.get(..end)?, Some(text.get(end..)?))),
    }
}

/// A time behind a date: with a zone after a `T`, without one after a space.
fn is_time(text: &str) -> bool {
    let time = text.get(1..).unwrap_or_default();
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let (clock, fraction_ok) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, number(fraction).is_some()),
        None => (clock, true),
    };
    let mut parts = clock.split(':');
    let clock_ok = parts.next().is_some_and(|hour| within(hour, 0, 23))
        && parts.next().is_some_and(|minute| within(minute, 0, 59))
        && parts.next().is_some_and(|second| within(second, 0, 59))
        && parts.next().is_none();
    let zone_ok = match zone.split_once(':') {
        _ if text.starts_with(' ') => zone.is_empty(),
        None => zone == "Z",
        Some((hour, minute)) => {
            let hour = hour.strip_prefix(['+', '-']).unwrap_or(hour);
            within(hour, 0, 24) && within(minute, 0, 60)
        }
    };
    clock_ok && fraction_ok && zone_ok
}

fn within(text: &str, low: u32, high: u32) -> bool {
    number(text).is_some_and(|number| (low..=high).contains(&number))
}

/// Digits only: no sign.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
