use dhcproto::v4::{DhcpOption, Message, MessageType, OptionCode};
use dhcproto::{Decodable, Decoder};

use super::super::packet::tests::{reply, sender};
use super::*;

const OFFER: u8 = 2;
const ACK: u8 = 5;
const NAK: u8 = 6;
const YOUR: [u8; 4] = [10, 0, 2, 15];
/// One hour.
const LEASE: &[u8] = &[51, 4, 0, 0, 14, 16];

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn sent(actions: &[Action]) -> Message {
    let bytes = actions.iter().find_map(|action| match action {
        Action::Broadcast(_, bytes) | Action::Unicast(_, bytes) => Some(bytes),
        Action::Lease(_) => None,
    });
    Message::decode(&mut Decoder::new(bytes.expect("nothing sent"))).unwrap()
}

fn bound() -> Machine {
    let mut machine = Machine::new(sender(), 1, seconds(0));
    let discover = sent(&machine.tick(seconds(0)).unwrap());
    assert!(discover.opts().has_msg_type(MessageType::Discover));
    let offer = reply(OFFER, discover.xid(), YOUR, &[LEASE]);
    let request = sent(&machine.receive(&offer, seconds(0)).unwrap());
    assert!(request.opts().has_msg_type(MessageType::Request));
    let ack = reply(ACK, request.xid(), YOUR, &[LEASE]);
    let actions = machine.receive(&ack, seconds(0)).unwrap();
    assert!(matches!(actions.as_slice(), [Action::Lease(Some(_))]));
    machine
}

#[test]
fn four_packets_make_a_lease_and_then_it_sleeps_until_half_of_it() {
    let machine = bound();
    assert_eq!(machine.due(), Some(seconds(1800)));
    assert!(!machine.listens());
}

#[test]
fn discover_is_sent_at_once_and_repeated_with_growing_pauses() {
    let mut machine = Machine::new(sender(), 1, seconds(5));
    let mut now = machine.due().unwrap();
    assert_eq!(now, seconds(5));
    for full in [1, 2, 4, 8, 16, 32, 64, 64] {
        sent(&machine.tick(now).unwrap());
        let pause = machine.due().unwrap() - now;
        assert!(
            pause <= seconds(full) && pause >= seconds(full) * 7 / 8,
            "{full}: {pause:?}"
        );
        now += pause;
    }
}

#[test]
fn a_refused_or_unanswered_request_starts_again() {
    let mut machine = Machine::new(sender(), 1, seconds(0));
    let discover = sent(&machine.tick(seconds(0)).unwrap());
    let offer = reply(OFFER, discover.xid(), YOUR, &[LEASE]);
    let request = sent(&machine.receive(&offer, seconds(0)).unwrap());
    let nak = reply(NAK, request.xid(), [0; 4], &[]);
    assert!(machine.receive(&nak, seconds(0)).unwrap().is_empty());
    assert_eq!(machine.due(), Some(seconds(1)));
    let discover = sent(&machine.tick(seconds(1)).unwrap());
    assert!(discover.opts().has_msg_type(MessageType::Discover));

    let offer = reply(OFFER, discover.xid(), YOUR, &[LEASE]);
    machine.receive(&offer, seconds(1)).unwrap();
    let mut kinds = Vec::new();
    for _ in 0..4 {
        let now = machine.due().unwrap();
        kinds.push(sent(&machine.tick(now).unwrap()).opts().msg_type().unwrap());
    }
    let request = MessageType::Request;
    assert_eq!(kinds, [request, request, request, MessageType::Discover]);
}

#[test]
fn renews_with_the_server_then_rebinds_with_all_then_loses_the_lease() {
    let mut machine = bound();
    let actions = machine.tick(seconds(1800)).unwrap();
    assert!(
        matches!(&actions[..], [Action::Unicast(server, _)] if server.octets() == [10, 0, 2, 2])
    );
    assert_eq!(sent(&actions).ciaddr().octets(), YOUR);
    let mut now = machine.due().unwrap();
    let mut broadcasts = 0;
    while now < seconds(3600) {
        for action in machine.tick(now).unwrap() {
            match action {
                Action::Unicast(..) => assert!(now < seconds(3150)),
                Action::Broadcast(from, _) => {
                    assert!(now >= seconds(3150) && from.octets() == YOUR);
                    broadcasts += 1;
                }
                Action::Lease(_) => panic!("lost at {now:?}"),
            }
        }
        now = machine.due().unwrap();
    }
    assert!(broadcasts >= 2);
    let actions = machine.tick(now).unwrap();
    assert_eq!(actions[0], Action::Lease(None));
    assert!(sent(&actions).opts().has_msg_type(MessageType::Discover));
    assert_eq!(sent(&actions).ciaddr(), Ipv4Addr::UNSPECIFIED);
}

#[test]
fn an_answer_extends_the_lease_from_the_time_of_the_question() {
    let mut machine = bound();
    let request = sent(&machine.tick(seconds(1800)).unwrap());
    let ack = reply(ACK, request.xid(), YOUR, &[LEASE]);
    let actions = machine.receive(&ack, seconds(1801)).unwrap();
    assert!(matches!(actions.as_slice(), [Action::Lease(Some(_))]));
    assert_eq!(machine.due(), Some(seconds(3600)));
}

#[test]
fn a_refusal_ends_the_lease_at_once() {
    let mut machine = bound();
    let request = sent(&machine.tick(seconds(1800)).unwrap());
    let nak = reply(NAK, request.xid(), [0; 4], &[]);
    let actions = machine.receive(&nak, seconds(1801)).unwrap();
    assert_eq!(actions[0], Action::Lease(None));
    assert!(sent(&actions).opts().has_msg_type(MessageType::Discover));
}

#[test]
fn answers_to_earlier_exchanges_are_nothing() {
    let mut machine = bound();
    machine.tick(seconds(1800)).unwrap();
    let stale = reply(NAK, 1, [0; 4], &[]);
    assert!(machine.receive(&stale, seconds(1801)).unwrap().is_empty());
}

#[test]
fn a_lease_for_ever_needs_no_timer() {
    let mut machine = Machine::new(sender(), 1, seconds(0));
    let xid = sent(&machine.tick(seconds(0)).unwrap()).xid();
    let for_ever: &[u8] = &[51, 4, 255, 255, 255, 255];
    machine
        .receive(&reply(OFFER, xid, YOUR, &[for_ever]), seconds(0))
        .unwrap();
    machine
        .receive(&reply(ACK, xid, YOUR, &[for_ever]), seconds(0))
        .unwrap();
    assert_eq!(machine.due(), None);
}

fn resumed() -> (Machine, Message) {
    let lease = match sender().decode(&reply(ACK, 7, YOUR, &[LEASE]), 7) {
        Some(Reply::Ack(lease)) => lease,
        other => panic!("{other:?}"),
    };
    let at = seconds(1000);
    let mut machine = Machine::resume(sender(), 1, Granted { lease, at }, seconds(2000));
    let request = sent(&machine.tick(seconds(2000)).unwrap());
    (machine, request)
}

#[test]
fn an_earlier_lease_is_asked_for_first_without_a_server() {
    let (mut machine, request) = resumed();
    assert!(request.opts().has_msg_type(MessageType::Request));
    let options = request.opts();
    assert_eq!(
        options.get(OptionCode::RequestedIpAddress),
        Some(&DhcpOption::RequestedIpAddress(YOUR.into()))
    );
    assert_eq!(options.get(OptionCode::ServerIdentifier), None);
    assert_eq!(request.ciaddr(), Ipv4Addr::UNSPECIFIED);
    let ack = reply(ACK, request.xid(), YOUR, &[LEASE]);
    let actions = machine.receive(&ack, seconds(2001)).unwrap();
    assert!(matches!(actions.as_slice(), [Action::Lease(Some(_))]));
    assert_eq!(machine.due(), Some(seconds(2000 + 1800)));
}

#[test]
fn an_earlier_lease_that_is_refused_goes_at_once() {
    let (mut machine, request) = resumed();
    let nak = reply(NAK, request.xid(), [0; 4], &[]);
    let actions = machine.receive(&nak, seconds(2001)).unwrap();
    assert_eq!(actions[0], Action::Lease(None));
    assert!(sent(&actions).opts().has_msg_type(MessageType::Discover));
}

#[test]
fn an_earlier_lease_that_nobody_confirms_lasts_until_its_end() {
    let (mut machine, _) = resumed();
    let mut kinds = Vec::new();
    let lost = loop {
        let now = machine.due().unwrap();
        let actions = machine.tick(now).unwrap();
        if actions.contains(&Action::Lease(None)) {
            break now;
        }
        kinds.push(sent(&actions).opts().msg_type().unwrap());
    };
    assert_eq!(lost, seconds(1000 + 3600));
    let request = MessageType::Request;
    assert_eq!(
        kinds[..4],
        [request, request, request, MessageType::Discover]
    );
}

#[test]
fn a_returned_carrier_makes_it_ask_at_once_for_what_it_has() {
    let mut machine = bound();
    machine.verify(seconds(100));
    assert!(machine.listens());
    let request = sent(&machine.tick(seconds(100)).unwrap());
    assert!(request.opts().has_msg_type(MessageType::Request));
    assert_eq!(request.opts().get(OptionCode::ServerIdentifier), None);
    let nak = reply(NAK, request.xid(), [0; 4], &[]);
    let actions = machine.receive(&nak, seconds(100)).unwrap();
    assert_eq!(actions[0], Action::Lease(None));

    let mut machine = Machine::new(sender(), 1, seconds(0));
    for _ in 0..7 {
        machine.tick(machine.due().unwrap()).unwrap();
    }
    machine.verify(seconds(200));
    let discover = sent(&machine.tick(seconds(200)).unwrap());
    assert!(discover.opts().has_msg_type(MessageType::Discover));
}

#[test]
fn a_name_that_comes_late_is_told_with_the_next_question() {
    let mut machine = Machine::new(sender(), 1, seconds(0));
    let discover = sent(&machine.tick(seconds(0)).unwrap());
    assert_eq!(discover.opts().get(OptionCode::Hostname), None);
    machine.set_hostname(Some("iron".into()));
    let offer = reply(OFFER, discover.xid(), YOUR, &[LEASE]);
    let request = sent(&machine.receive(&offer, seconds(0)).unwrap());
    let told = DhcpOption::Hostname("iron".into());
    assert_eq!(request.opts().get(OptionCode::Hostname), Some(&told));
}
