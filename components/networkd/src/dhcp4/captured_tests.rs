//! Answers as dnsmasq and Kea gave them; `testdata/dhcp4/README.md` says how they were captured.

use super::*;
use crate::dhcp4::ip;

/// Where both servers stood.
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

fn decode(packet: &[u8]) -> Option<Reply> {
    tests::sender().decode(ip::payload(packet)?, 7)
}

/// What both servers were told to say.
fn lease() -> Lease {
    let to = |net: &str| net.parse().unwrap();
    Lease {
        address: to("10.77.0.50/24"),
        server: SERVER,
        routes: vec![
            (to("0.0.0.0/0"), SERVER),
            (to("172.16.0.0/12"), [10, 77, 0, 9].into()),
        ],
        dns: vec![[10, 77, 0, 3].into(), [10, 77, 0, 4].into()],
        domain: Some("example.test".into()),
        search: vec!["a.example.test".into(), "b.example.test".into()],
        hostname: Some("bronze".into()),
        mtu: Some(1400),
        ntp: vec![[10, 77, 0, 5].into()],
        duration: Some(Duration::from_secs(3600)),
        renew_after: Duration::from_secs(1800),
        rebind_after: Duration::from_secs(3150),
    }
}

#[test]
fn what_dnsmasq_answers_is_understood() {
    let offer = decode(include_bytes!("../../testdata/dhcp4/dnsmasq-offer.bin"));
    assert_eq!(offer, Some(Reply::Offer(lease())));
    let ack = decode(include_bytes!("../../testdata/dhcp4/dnsmasq-ack.bin"));
    assert_eq!(ack, Some(Reply::Ack(lease())));
    let nak = decode(include_bytes!("../../testdata/dhcp4/dnsmasq-nak.bin"));
    let server = Some(SERVER);
    assert_eq!(nak, Some(Reply::Nak { server }));
}

#[test]
fn what_kea_answers_is_understood() {
    let lease = Lease {
        hostname: Some("bronze.example.test".into()),
        renew_after: Duration::from_secs(1000),
        rebind_after: Duration::from_secs(2000),
        ..lease()
    };
    let offer = decode(include_bytes!("../../testdata/dhcp4/kea-offer.bin"));
    assert_eq!(offer, Some(Reply::Offer(lease.clone())));
    let ack = decode(include_bytes!("../../testdata/dhcp4/kea-ack.bin"));
    assert_eq!(ack, Some(Reply::Ack(lease)));
    let nak = decode(include_bytes!("../../testdata/dhcp4/kea-nak.bin"));
    let server = Some(SERVER);
    assert_eq!(nak, Some(Reply::Nak { server }));
}

#[test]
fn an_answer_to_another_question_is_none() {
    for packet in [
        include_bytes!("../../testdata/dhcp4/dnsmasq-ack.bin").as_slice(),
        include_bytes!("../../testdata/dhcp4/kea-nak.bin").as_slice(),
    ] {
        let payload = ip::payload(packet).unwrap();
        assert_eq!(tests::sender().decode(payload, 8), None);
    }
}
