use super::*;

pub(crate) const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

pub(crate) fn sender() -> Sender {
    Sender {
        hardware_address: MAC,
        hostname: None,
    }
}

/// A reply, byte by byte as RFC 2131 lays it out.
pub(crate) fn reply(kind: u8, xid: u32, your: [u8; 4], options: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![2, 1, 6, 0];
    bytes.extend(xid.to_be_bytes());
    bytes.extend([0; 8]); // Seconds, flags, client.
    bytes.extend(your);
    bytes.extend([0; 8]); // Next server, relay.
    bytes.extend(MAC);
    bytes.extend([0; 10 + 64 + 128]);
    bytes.extend([99, 130, 83, 99, 53, 1, kind, 54, 4, 10, 0, 2, 2]);
    for option in options {
        bytes.extend(*option);
    }
    bytes.push(255);
    bytes
}

#[test]
fn a_full_answer_is_understood() {
    let bytes = reply(
        5,
        7,
        [10, 0, 2, 15],
        &[
            &[1, 4, 255, 255, 255, 0],
            &[3, 4, 10, 0, 2, 2],
            &[6, 8, 10, 0, 2, 3, 10, 0, 2, 4],
            &[12, 6, b'B', b'r', b'o', b'n', b'z', b'e'],
            &[
                15, 12, b'e', b'x', b'a', b'm', b'p', b'l', b'e', b'.', b'o', b'r', b'g', 0,
            ],
            &[26, 2, 0x05, 0x78],
            &[42, 4, 10, 0, 2, 9],
            &[51, 4, 0, 1, 0x51, 0x80],
        ],
    );
    let Some(Reply::Ack(lease)) = sender().decode(&bytes, 7) else {
        panic!("no lease");
    };
    assert_eq!(lease.address.to_string(), "10.0.2.15/24");
    assert_eq!(lease.server, Ipv4Addr::new(10, 0, 2, 2));
    assert_eq!(
        lease.routes,
        [(Ipv4Net::default(), Ipv4Addr::new(10, 0, 2, 2))]
    );
    assert_eq!(lease.dns.len(), 2);
    assert_eq!(lease.hostname.as_deref(), Some("bronze"));
    assert_eq!(lease.domain.as_deref(), Some("example.org"));
    assert_eq!(lease.mtu, Some(1400));
    assert_eq!(lease.ntp, [Ipv4Addr::new(10, 0, 2, 9)]);
    assert_eq!(lease.duration, Some(Duration::from_secs(86400)));
    assert_eq!(lease.renew_after, Duration::from_secs(43200));
    assert_eq!(lease.rebind_after, Duration::from_secs(75600));
}

#[test]
fn classless_routes_replace_the_router() {
    let bytes = reply(
        2,
        7,
        [10, 0, 2, 15],
        &[
            &[51, 4, 0, 0, 14, 16],
            &[3, 4, 10, 0, 2, 2],
            &[121, 12, 16, 172, 16, 10, 0, 2, 9, 0, 10, 0, 2, 8],
        ],
    );
    let Some(Reply::Offer(lease)) = sender().decode(&bytes, 7) else {
        panic!("no offer");
    };
    let routes: Vec<_> = lease
        .routes
        .iter()
        .map(|(to, via)| format!("{to} {via}"))
        .collect();
    assert_eq!(routes, ["172.16.0.0/16 10.0.2.9", "0.0.0.0/0 10.0.2.8"]);
    assert_eq!(lease.address.prefix_len(), 32);
}

#[test]
fn replies_to_others_and_without_lease_time_are_none() {
    let lease: &[u8] = &[51, 4, 0, 0, 14, 16];
    assert_eq!(
        sender().decode(&reply(5, 8, [10, 0, 2, 15], &[lease]), 7),
        None
    );
    assert_eq!(sender().decode(&reply(5, 7, [10, 0, 2, 15], &[]), 7), None);
    assert_eq!(
        sender().decode(&reply(5, 7, [0, 0, 0, 0], &[lease]), 7),
        None
    );
    let mut other = reply(5, 7, [10, 0, 2, 15], &[lease]);
    other[28] ^= 1;
    assert_eq!(sender().decode(&other, 7), None);
}

#[test]
fn an_option_that_cannot_be_read_is_left_out_alone() {
    let bytes = reply(
        5,
        7,
        [10, 0, 2, 15],
        &[
            &[81, 1, 0],
            &[151, 0],
            &[12, 1, 0xff],
            &[3, 3, 10, 0, 2],
            &[26, 1, 5],
            &[77, 0],
            &[51, 4, 0, 0, 14, 16],
            &[6, 4, 10, 0, 2, 3],
        ],
    );
    let Some(Reply::Ack(lease)) = sender().decode(&bytes, 7) else {
        panic!("no lease");
    };
    assert_eq!(lease.duration, Some(Duration::from_secs(3600)));
    assert_eq!(lease.dns, [Ipv4Addr::new(10, 0, 2, 3)]);
    assert_eq!((lease.hostname, lease.mtu), (None, None));
}

#[test]
fn long_lists_are_cut() {
    let server: &[u8] = &[6, 252];
    let servers = [server, &[9; 252]].concat();
    // Names that point to the first one.
    let domains = [&[119, 255, 1, b'a', 0][..], &[0xc0, 0].repeat(126)].concat();
    let bytes = reply(
        5,
        7,
        [10, 0, 2, 15],
        &[&[51, 4, 0, 0, 14, 16], &servers, &servers, &domains],
    );
    let Some(Reply::Ack(lease)) = sender().decode(&bytes, 7) else {
        panic!("no lease");
    };
    assert_eq!((lease.dns.len(), lease.search.len()), (64, 64));
}

#[test]
fn every_truncation_and_bit_flip_is_survived() {
    let whole = reply(
        5,
        7,
        [10, 0, 2, 15],
        &[&[51, 4, 0, 0, 14, 16], &[119, 4, 1, b'a', 0xc0, 0]],
    );
    for length in 0..whole.len() {
        drop(sender().decode(&whole[..length], 7));
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        drop(sender().decode(&flipped, 7));
    }
}

#[test]
fn names_that_could_add_lines_to_a_file_are_refused() {
    assert_eq!(checked_name("good.example."), Some("good.example".into()));
    for bad in ["", "a b", "a\nnameserver 6.6.6.6", "-a", "a..b", "ä"] {
        assert_eq!(checked_name(bad), None, "{bad:?}");
    }
}

#[test]
fn a_question_says_who_asks_and_what_for() {
    let select = Question::Select {
        address: [10, 0, 2, 15].into(),
        server: [10, 0, 2, 2].into(),
    };
    let bytes = sender().encode(select, 0x0102_0304, 3).unwrap();
    let message = Message::decode(&mut Decoder::new(&bytes)).unwrap();
    assert_eq!((message.xid(), message.secs()), (0x0102_0304, 3));
    assert_eq!(message.chaddr(), MAC);
    assert!(message.opts().has_msg_type(MessageType::Request));
    assert_eq!(
        message.opts().get(OptionCode::RequestedIpAddress),
        Some(&DhcpOption::RequestedIpAddress([10, 0, 2, 15].into()))
    );
    let extend = Question::Extend {
        address: [10, 0, 2, 15].into(),
    };
    let bytes = sender().encode(extend, 1, 0).unwrap();
    let message = Message::decode(&mut Decoder::new(&bytes)).unwrap();
    assert_eq!(message.ciaddr(), Ipv4Addr::new(10, 0, 2, 15));
    assert_eq!(message.opts().get(OptionCode::ServerIdentifier), None);
}

#[test]
fn no_question_is_shorter_than_a_bootp_message() {
    let address = [10, 0, 2, 15].into();
    let server = [10, 0, 2, 2].into();
    for question in [
        Question::Discover,
        Question::Select { address, server },
        Question::Extend { address },
    ] {
        let bytes = sender().encode(question, 1, 0).unwrap();
        assert_eq!(bytes.len(), 300, "{question:?}");
        let end = bytes.iter().rposition(|byte| *byte != PAD);
        assert_eq!(end.map(|end| bytes[end]), Some(END));
    }
}

#[test]
fn a_short_lease_ends_when_the_server_says_and_is_not_renewed_in_a_loop() {
    let with = |seconds: u8| {
        let options: [&[u8]; 3] = [
            &[51, 4, 0, 0, 0, seconds],
            &[58, 4, 0, 0, 0, 0],
            &[59, 4, 0, 0, 0, 1],
        ];
        sender().decode(&reply(5, 7, [10, 0, 2, 15], &options), 7)
    };
    let Some(Reply::Ack(lease)) = with(20) else {
        panic!("no lease");
    };
    assert_eq!(lease.duration, Some(Duration::from_secs(20)));
    assert_eq!(lease.renew_after, Duration::from_secs(10));
    assert_eq!(lease.rebind_after, Duration::from_secs(10));
    assert_eq!(with(9), None);
}
