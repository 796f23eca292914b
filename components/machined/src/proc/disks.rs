//! `/proc/diskstats`.
//!
//! Source: Documentation/admin-guide/iostats.rst.

use ichor_api::machine::DiskStat;

/// The sum of all, and each device.
pub(crate) fn parse(text: &str) -> (DiskStat, Vec<DiskStat>) {
    let devices: Vec<_> = text.lines().filter_map(parse_line).collect();
    let mut total = DiskStat::default();
    for device in &devices {
        for (sum, value) in fields(&mut total)
            .into_iter()
            .zip(fields(&mut device.clone()))
        {
            *sum = sum.wrapping_add(*value);
        }
    }
    (total, devices)
}

fn parse_line(line: &str) -> Option<DiskStat> {
    let mut words = line.split_whitespace().skip(2);
    let mut device = DiskStat {
        name: words.next()?.to_owned(),
        ..DiskStat::default()
    };
    for (field, word) in fields(&mut device).into_iter().zip(words) {
        *field = word.parse().ok()?;
    }
    Some(device)
}

/// The counters in the order of the kernel's columns.
fn fields(device: &mut DiskStat) -> [&mut u64; 15] {
    [
        &mut device.read_completed,
        &mut device.read_merged,
        &mut device.read_sectors,
        &mut device.read_time_ms,
        &mut device.write_completed,
        &mut device.write_merged,
        &mut device.write_sectors,
        &mut device.write_time_ms,
        &mut device.io_in_progress,
        &mut device.io_time_ms,
        &mut device.io_time_weighted_ms,
        &mut device.discard_completed,
        &mut device.discard_merged,
        &mut device.discard_sectors,
        &mut device.discard_time_ms,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_devices_and_adds_them_up() {
        let text =
            " 254 0 vda 5 0 40 3 1 0 8 1 0 4 4 0 0 0 0 0 0\n 7 0 loop0 2 0 4 0 0 0 0 0 0 0 0\n";
        let (total, devices) = parse(text);
        assert_eq!(devices[0].name, "vda");
        assert_eq!((total.read_completed, total.read_sectors), (7, 44));
    }
}
