//! Packets from a network that nobody is to be trusted on.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::ip;
use super::machine::{Action, Machine};
use super::packet::{Reply, Sender};

const SENDER: Sender = Sender {
    hardware_address: [0x52, 0x54, 0, 0x12, 0x34, 0x56],
    hostname: None,
};
/// Of the transaction that the answers in the corpus belong to.
const XID: u32 = 7;

/// A packet as the socket gives it, and its payload alone.
pub(crate) fn packet(input: &[u8]) {
    if let Some(payload) = ip::payload(input) {
        assert!(payload.len() + 28 <= input.len());
        check(SENDER.decode(payload, XID));
    }
    check(SENDER.decode(input, XID));
    if let Some(mut packet) = ip::broadcast(Ipv4Addr::UNSPECIFIED, input) {
        // What a server sends goes the other way.
        packet.get_mut(20..24).into_iter().for_each(|ports| {
            ports.copy_from_slice(&[0, 67, 0, 68]);
        });
        assert_eq!(ip::payload(&packet), Some(input));
    }
}

fn check(reply: Option<Reply>) {
    let Some(Reply::Offer(lease) | Reply::Ack(lease)) = reply else {
        return;
    };
    assert!(lease.renew_after <= lease.rebind_after, "{lease:?}");
    assert!(
        lease
            .duration
            .is_none_or(|whole| lease.rebind_after <= whole),
        "{lease:?}"
    );
    for name in lease
        .hostname
        .iter()
        .chain(&lease.domain)
        .chain(&lease.search)
    {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        assert!(name.bytes().all(is_plain), "{name:?} goes into files");
    }
}

/// A client and what happens to it: time goes by, and answers come to its last question. Each step
/// is a byte that says what happens, a byte that says how much, and so many bytes of options.
pub(crate) fn client(input: &[u8]) {
    let mut now = Duration::ZERO;
    let mut machine = Machine::new(SENDER, XID, now);
    let (mut xid, mut leased) = (XID, None);
    let mut rest = input;
    while let [kind, size, after @ ..] = rest {
        rest = after;
        let done = match kind {
            0..0x20 => {
                now += Duration::from_secs(u64::from(*size) << (kind & 0x0f));
                machine.tick(now)
            }
            0x20..0x40 => {
                now = machine.due().map_or(now, |due| due.max(now));
                machine.tick(now)
            }
            kind => {
                let size = usize::from(*size).min(after.len());
                let (options, after) = after.split_at(size);
                rest = after;
                machine.receive(&answer(*kind, xid, options), now)
            }
        };
        for action in done.into_iter().flatten() {
            match action {
                Action::Broadcast(_, question) | Action::Unicast(_, question) => {
                    let at = question.get(4..).and_then(|rest| rest.first_chunk::<4>());
                    xid = at.map_or(xid, |bytes| u32::from_be_bytes(*bytes));
                }
                Action::Lease(granted) => {
                    leased = granted.map(|granted| granted.lease.address.addr())
                }
            }
        }
        assert_eq!(
            machine.leased_address(),
            leased,
            "what was told is what is used"
        );
        let is_due = machine.due().is_some_and(|due| due <= now);
        assert!(
            !is_due || !matches!(kind, 0..0x40),
            "it would ask in a loop"
        );
    }
}

/// An answer with these options behind those that say what it is.
fn answer(kind: u8, xid: u32, options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 1, 6, 0];
    bytes.extend(xid.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend([10, 0, kind >> 6, 15]);
    bytes.extend([0; 8]);
    bytes.extend(SENDER.hardware_address);
    bytes.extend([0; 10 + 64 + 128]);
    let message = [2, 5, 6].get(usize::from(kind % 3)).copied().unwrap_or(2);
    bytes.extend([99, 130, 83, 99, 53, 1, message, 54, 4, 10, 0, 2, 2]);
    bytes.extend(options);
    bytes.push(255);
    bytes
}
