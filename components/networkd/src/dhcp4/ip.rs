//! IPv4 and UDP headers by hand, for a link without address.

use std::net::Ipv4Addr;

/// Port of clients.
pub(super) const CLIENT_PORT: u16 = 68;
/// Port of servers.
pub(super) const SERVER_PORT: u16 = 67;

const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const UDP: u8 = 17;

/// A packet from nowhere to everybody, from the client's port to the server's.
///
/// `None` when the payload does not fit into a packet.
pub(super) fn broadcast(source: Ipv4Addr, payload: &[u8]) -> Option<Vec<u8>> {
    let udp_length = u16::try_from(UDP_HEADER + payload.len()).ok()?;
    let length = u16::try_from(IP_HEADER + UDP_HEADER + payload.len()).ok()?;
    let destination = Ipv4Addr::BROADCAST;

    let mut header = vec![0x45, 0];
    header.extend(length.to_be_bytes());
    header.extend([0, 0, 0, 0, 64, UDP, 0, 0]); // No fragments, 64 hops, checksum below.
    header.extend(source.octets());
    header.extend(destination.octets());
    let sum = checksum(&[&header]).to_be_bytes();
    header.splice(10..12, sum);

    let mut udp = Vec::with_capacity(UDP_HEADER);
    udp.extend(CLIENT_PORT.to_be_bytes());
    udp.extend(SERVER_PORT.to_be_bytes());
    udp.extend(udp_length.to_be_bytes());
    udp.extend([0, 0]);
    let mut pseudo = Vec::with_capacity(12);
    pseudo.extend(source.octets());
    pseudo.extend(destination.octets());
    pseudo.extend([0, UDP]);
    pseudo.extend(udp_length.to_be_bytes());
    // Zero means "no checksum", so a sum of zero is sent as all ones (RFC 768).
    let sum = match checksum(&[&pseudo, &udp, payload]) {
        0 => u16::MAX,
        sum => sum,
    };
    udp.splice(6..8, sum.to_be_bytes());
    Some([header.as_slice(), &udp, payload].concat())
}

/// The payload of a UDP packet to the client's port.
///
/// The UDP checksum is not looked at: a virtual network card leaves it to the receiver's hardware.
/// What is inside is checked field by field anyway.
pub(super) fn payload(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    let header = usize::from(first & 0x0f) * 4;
    let length = usize::from(u16_at(packet, 2)?);
    if first >> 4 != 4 || header < IP_HEADER || *packet.get(9)? != UDP {
        return None;
    }
    // Short frames are padded: the header says where the packet ends.
    let udp = packet.get(header..length)?;
    let udp_length = usize::from(u16_at(udp, 4)?);
    if u16_at(udp, 0)? != SERVER_PORT || u16_at(udp, 2)? != CLIENT_PORT {
        return None;
    }
    udp.get(UDP_HEADER..udp_length)
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let pair = bytes.get(offset..offset + 2)?;
    Some(u16::from_be_bytes(pair.try_into().ok()?))
}

/// The Internet checksum (RFC 1071) of parts that all but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u32 = 0;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        let high = pair.first().copied().unwrap_or_default();
        let low = pair.get(1).copied().unwrap_or_default();
        sum += u32::from(u16::from_be_bytes([high, low]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_that_of_the_rfc_example() {
        // RFC 1071, section 3.
        assert_eq!(
            !checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]),
            0xddf2
        );
    }

    #[test]
    fn headers_verify_and_an_answer_is_unpacked() {
        let packet = broadcast(Ipv4Addr::UNSPECIFIED, b"odd").unwrap();
        assert_eq!(checksum(&[&packet[..20]]), 0);
        assert_eq!(payload(&packet), None, "it goes to the server's port");
        let mut answer = packet.clone();
        answer[20..24].copy_from_slice(&[0, 67, 0, 68]);
        answer.extend([0; 20]); // Padding of the link.
        assert_eq!(payload(&answer), Some(b"odd".as_slice()));
        for length in 0..answer.len() {
            assert!(payload(&answer[..length]).is_none_or(|found| found == b"odd"));
        }
    }
}
