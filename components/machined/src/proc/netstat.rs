//! Tables of sockets: `/proc/net/tcp` and the like.
//!
//! Source: proc_pid_net(5); states and timers have the kernel's numbers, which are those of the
//! protocol too (include/net/tcp_states.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ichor_api::machine::ConnectRecord;
use ichor_api::machine::connect_record::{State, TimerActive};

/// All sockets of one table. `protocol` is the table's name, such as `tcp6`.
pub(crate) fn parse(protocol: &str, text: &str) -> Vec<ConnectRecord> {
    let lines = text.lines().skip(1);
    lines
        .filter_map(|line| parse_line(protocol, line))
        .collect()
}

/// `sl local remote st tx:rx tr:when retransmits uid timeout inode ref pointer ...`
fn parse_line(protocol: &str, line: &str) -> Option<ConnectRecord> {
    let mut words = line.split_whitespace().skip(1);
    let (local_ip, local_port) = parse_endpoint(words.next()?)?;
    let (remote_ip, remote_port) = parse_endpoint(words.next()?)?;
    let state = i32::from_str_radix(words.next()?, 16).ok()?;
    let (transmit, receive) = parse_pair(words.next()?)?;
    let (timer, expires) = parse_pair(words.next()?)?;
    let mut record = ConnectRecord {
        l4proto: protocol.to_owned(),
        localip: local_ip.to_string(),
        localport: local_port,
        remoteip: remote_ip.to_string(),
        remoteport: remote_port,
        txqueue: transmit,
        rxqueue: receive,
        timerwhen: expires,
        retrnsmt: u64::from_str_radix(words.next()?, 16).ok()?,
        uid: words.next()?.parse().ok()?,
        timeout: words.next()?.parse().ok()?,
        inode: words.next()?.parse().ok()?,
        // A socket that waits for its last segments has none of these.
        r#ref: words.next().and_then(|word| word.parse().ok()).unwrap_or(0),
        pointer: words
            .next()
            .and_then(|word| u64::from_str_radix(word, 16).ok())
            .unwrap_or(0),
        ..ConnectRecord::default()
    };
    record.set_state(State::try_from(state).unwrap_or(State::Reserved));
    let timer = i32::try_from(timer).unwrap_or_default();
    record.set_tr(TimerActive::try_from(timer).unwrap_or(TimerActive::Off));
    Some(record)
}

fn parse_pair(word: &str) -> Option<(u64, u64)> {
    let (first, second) = word.split_once(':')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(first)?, number(second)?))
}

/// `0100007F:C350`: each word of the address in the byte order of the machine, the port as it is.
fn parse_endpoint(word: &str) -> Option<(IpAddr, u32)> {
    let (address, port) = word.split_once(':')?;
    let mut bytes = [0; 16];
    let used = bytes.get_mut(..address.len() / 2)?;
    if !address.is_ascii() || !matches!(address.len(), 8 | 32) {
        return None;
    }
    for (place, digits) in used.chunks_mut(4).zip(address.as_bytes().chunks(8)) {
        let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        place.copy_from_slice(&number.to_ne_bytes());
    }
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(*bytes.first_chunk::<4>()?)),
        _ => IpAddr::V6(Ipv6Addr::from(bytes)),
    };
    Some((address, u32::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n";

    #[test]
    fn reads_a_listening_socket() {
        let line = "   0: 0100007F:C350 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
                    50        0 9876 1 00000000abcdef00 100 0 0 10 0\n";
        let found = parse("tcp", &format!("{HEAD}{line}"));
        let [record] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(record.l4proto, "tcp");
        assert_eq!(
            (record.localip.as_str(), record.localport),
            ("127.0.0.1", 50000)
        );
        assert_eq!(
            (record.remoteip.as_str(), record.remoteport),
            ("0.0.0.0", 0)
        );
        assert_eq!(record.state(), State::Listen);
        assert_eq!((record.uid, record.inode, record.r#ref), (50, 9876, 1));
        assert_eq!(record.pointer, 0xabcd_ef00);
    }

    #[test]
    fn reads_an_address_of_ip_6_and_a_running_timer() {
        let line = "  1: 0000000000000000FFFF00000A02000F:C350 000080FE00000000FF005450B6AD1DFE:D431 \
                    01 00000002:00000003 02:000A0000 00000004 0 0 21 2 0 20 4 30 10 -1\n";
        let found = parse("tcp6", &format!("{HEAD}{line}"));
        let record = &found[0];
        assert_eq!(record.localip, "::ffff:15.0.2.10");
        assert_eq!(record.remoteip, "fe80::5054:ff:fe1d:adb6");
        assert_eq!(record.state(), State::Established);
        assert_eq!(record.tr(), TimerActive::Keepalive);
        assert_eq!((record.txqueue, record.rxqueue), (2, 3));
        assert_eq!((record.timerwhen, record.retrnsmt), (0xa0000, 4));
    }

    #[test]
    fn passes_over_lines_that_are_no_sockets() {
        for line in [
            "",
            "0:",
            "0: 0100007F:C350",
            "0: 01:1 01:1 0A 0:0 0:0 0 0 0 1 1 0",
            "0: ÄÄÄÄ:1 00000000:0 0A 0:0 0:0 0 0 0 1 1 0",
            "0: 00000000:zz 00000000:0 0A 0:0 0:0 0 0 0 1 1 0",
        ] {
            assert!(
                parse("tcp", &format!("{HEAD}{line}\n")).is_empty(),
                "{line}"
            );
        }
    }
}
