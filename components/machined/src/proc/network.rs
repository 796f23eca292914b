//! `/proc/net/dev`.
//!
//! Source: proc_pid_net(5).

use ichor_api::machine::NetDev;

/// The sum of all, and each device.
pub(crate) fn parse(text: &str) -> (NetDev, Vec<NetDev>) {
    let devices: Vec<_> = text.lines().skip(2).filter_map(parse_line).collect();
    let mut total = NetDev {
        name: "Total".into(),
        ..NetDev::default()
    };
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

fn parse_line(line: &str) -> Option<NetDev> {
    let (name, numbers) = line.split_once(':')?;
    let mut device = NetDev {
        name: name.trim().to_owned(),
        ..NetDev::default()
    };
    for (field, word) in fields(&mut device)
        .into_iter()
        .zip(numbers.split_whitespace())
    {
        *field = word.parse().ok()?;
    }
    Some(device)
}

/// The counters in the order of the kernel's columns.
fn fields(device: &mut NetDev) -> [&mut u64; 16] {
    [
        &mut device.rx_bytes,
        &mut device.rx_packets,
        &mut device.rx_errors,
        &mut device.rx_dropped,
        &mut device.rx_fifo,
        &mut device.rx_frame,
        &mut device.rx_compressed,
        &mut device.rx_multicast,
        &mut device.tx_bytes,
        &mut device.tx_packets,
        &mut device.tx_errors,
        &mut device.tx_dropped,
        &mut device.tx_fifo,
        &mut device.tx_collisions,
        &mut device.tx_carrier,
        &mut device.tx_compressed,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_devices_and_adds_them_up() {
        let text = "Inter-|   Receive\n face |bytes\n\
                        lo: 10 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n  eth0:5 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n";
        let (total, devices) = parse(text);
        assert_eq!(devices.len(), 2);
        assert_eq!(devices[1].name, "eth0");
        assert_eq!((total.rx_bytes, total.tx_bytes), (15, 27));
    }

    #[test]
    fn passes_over_what_is_no_device() {
        assert!(parse("a\nb\nnothing\neth0: x\n").1.is_empty());
    }
}
