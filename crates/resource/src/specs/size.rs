//! Sizes as people read them.

const UNITS: &[&str] = &["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// A size in powers of ten, with one digit behind the point below ten: `6.4 GB`, `64 MB`.
///
/// The text is a part of the API: tables of disks and volumes have it.
pub fn pretty_size(bytes: u64) -> String {
    let (mut unit, mut divisor) = (0, 1_u64);
    while unit + 1 < UNITS.len() && bytes / divisor >= 1000 {
        divisor *= 1000;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if divisor == 1 {
        return format!("{bytes} {name}");
    }
    // Rounded once, to tenths, as the digits behind the point are cut off afterwards.
    let tenths = (u128::from(bytes) * 10 + u128::from(divisor) / 2) / u128::from(divisor);
    match tenths < 100 {
        true => format!("{}.{} {name}", tenths / 10, tenths % 10),
        false => format!("{} {name}", round_half_even(tenths)),
    }
}

/// Tenths as whole numbers, halves to the even neighbour, as printing a float does.
fn round_half_even(tenths: u128) -> u128 {
    let (whole, rest) = (tenths / 10, tenths % 10);
    match rest {
        5 => whole + whole % 2,
        rest => whole + u128::from(rest > 5),
    }
}

#[cfg(test)]
mod tests {
    use super::pretty_size;

    #[test]
    fn sizes_are_short() {
        let cases = [
            (0, "0 B"),
            (7, "7 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1024, "1.0 kB"),
            (9_999, "10 kB"),
            (12_400, "12 kB"),
            (12_500, "12 kB"),
            (13_500, "14 kB"),
            (999_999, "1000 kB"),
            (1_000_000, "1.0 MB"),
            (6 << 30, "6.4 GB"),
            (64 << 20, "67 MB"),
            (500_107_862_016, "500 GB"),
            (4_000_787_030_016, "4.0 TB"),
            (u64::MAX, "18 EB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(pretty_size(bytes), text, "{bytes}");
        }
    }
}
