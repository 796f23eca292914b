//! One DHCP request as an Ethernet frame, and the answer to it.

use std::net::Ipv4Addr;

/// Source: RFC 2131, section 2, and RFC 2132, sections 2, 9.1 and 9.6.
const COOKIE: [u8; 4] = [99, 130, 83, 99];
const OPTION_REQUESTED_ADDRESS: u8 = 50;
const OPTION_TYPE: u8 = 53;
const OPTION_END: u8 = 255;
const DISCOVER: u8 = 1;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
const IPV4_HEADER_BYTES: usize = 20;
const UDP_HEADER_BYTES: usize = 8;
/// Where BOOTP's message begins in the frame: Ethernet, IPv4 without options, UDP.
const MESSAGE: usize = 14 + IPV4_HEADER_BYTES + UDP_HEADER_BYTES;

/// DHCPDISCOVER of a NIC that would like an address.
pub(super) fn discover(mac: [u8; 6], transaction: u32, wish: Ipv4Addr) -> Vec<u8> {
    let mut message = vec![1, 1, 6, 0]; // A request over Ethernet.
    message.extend(transaction.to_be_bytes());
    message.extend([0, 0, 0x80, 0]); // The answer goes to all.
    message.extend([0; 16]); // No address so far.
    message.extend(mac);
    message.resize(236, 0);
    message.extend(COOKIE);
    message.extend([OPTION_TYPE, 1, DISCOVER]);
    message.extend([OPTION_REQUESTED_ADDRESS, 4]);
    message.extend(wish.octets());
    message.push(OPTION_END);
    message.resize(300, 0); // BOOTP servers drop shorter ones.
    frame(mac, &message)
}

fn frame(mac: [u8; 6], message: &[u8]) -> Vec<u8> {
    let udp_bytes = (UDP_HEADER_BYTES + message.len()) as u16;
    let ip_bytes = IPV4_HEADER_BYTES as u16 + udp_bytes;
    let mut ip = vec![0x45, 0];
    ip.extend(ip_bytes.to_be_bytes());
    ip.extend([0, 0, 0, 0, 64, 17, 0, 0]); // Time to live, UDP, checksum.
    ip.extend(Ipv4Addr::UNSPECIFIED.octets());
    ip.extend(Ipv4Addr::BROADCAST.octets());
    let checksum = checksum(&ip);
    ip.splice(10..12, checksum.to_be_bytes());

    let mut frame = vec![0xff; 6];
    frame.extend(mac);
    frame.extend([0x08, 0x00]);
    frame.extend(ip);
    frame.extend(CLIENT_PORT.to_be_bytes());
    frame.extend(SERVER_PORT.to_be_bytes());
    frame.extend(udp_bytes.to_be_bytes());
    frame.extend([0, 0]); // UDP over IPv4 may go without a checksum.
    frame.extend(message);
    frame
}

/// Source: RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
            [high] => u32::from(*high) << 8,
            _ => 0,
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The address that a frame offers in that transaction.
pub(crate) fn parse_offer(frame: &[u8], transaction: u32) -> Option<Ipv4Addr> {
    let message = frame.get(MESSAGE..)?;
    let reply = *message.first()? == 2;
    let answers = message.get(4..8)? == transaction.to_be_bytes();
    let cookie = message.get(236..240)? == COOKIE;
    let address: [u8; 4] = message.get(16..20)?.try_into().ok()?;
    (reply && answers && cookie).then(|| Ipv4Addr::from(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_sums_up() {
        let frame = discover([2, 0, 0, 0, 0, 1], 7, Ipv4Addr::new(10, 5, 0, 11));
        assert_eq!(checksum(&frame[14..34]), 0);
        assert_eq!(frame.len(), MESSAGE + 300);
    }

    #[test]
    fn only_the_answer_to_the_own_request_counts() {
        let mut frame = discover([2, 0, 0, 0, 0, 1], 7, Ipv4Addr::new(10, 5, 0, 11));
        assert_eq!(parse_offer(&frame, 7), None);
        frame[MESSAGE] = 2;
        frame[MESSAGE + 16..MESSAGE + 20].copy_from_slice(&[10, 5, 0, 12]);
        assert_eq!(parse_offer(&frame, 7), Some(Ipv4Addr::new(10, 5, 0, 12)));
        assert_eq!(parse_offer(&frame, 8), None);
        assert_eq!(parse_offer(&frame[..100], 7), None);
    }
}
