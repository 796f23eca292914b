//! DHCP messages.

use std::net::Ipv4Addr;
use std::time::Duration;

use dhcproto::v4::{DhcpOption, DhcpOptions, HType, Message, MessageType, Opcode, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable, Encoder};
use ipnet::Ipv4Net;

/// Interfaces refuse less (RFC 791).
const MTU_MIN: u16 = 576;
/// A shorter lease would end before it could be renewed.
const LEASE_MIN: Duration = Duration::from_secs(10);
/// A server is not asked again sooner, or than after half of a short lease: one that gives seconds
/// must not make the client spin.
const RENEW_MIN: Duration = Duration::from_secs(30);
/// Some servers and relays drop what is shorter than a BOOTP message (RFC 1542, section 2.1).
const MESSAGE_MIN: usize = 300;
/// Where options begin, behind the magic cookie (RFC 2131, section 3).
const OPTIONS_AT: usize = 240;
const PAD: u8 = 0;
const END: u8 = 255;
/// How many of a list are used: of servers, routes and domains.
const LIST_MAX: usize = 64;

/// A message could not be made.
#[derive(Debug, thiserror::Error)]
#[error("encode a DHCP message")]
pub(crate) struct EncodeError(#[from] dhcproto::error::EncodeError);

/// What a server grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) address: Ipv4Net,
    pub(crate) server: Ipv4Addr,
    /// Destination and gateway; an unspecified gateway means that the destination is on the link.
    pub(crate) routes: Vec<(Ipv4Net, Ipv4Addr)>,
    pub(crate) dns: Vec<Ipv4Addr>,
    pub(crate) domain: Option<String>,
    pub(crate) search: Vec<String>,
    pub(crate) hostname: Option<String>,
    pub(crate) mtu: Option<u16>,
    pub(crate) ntp: Vec<Ipv4Addr>,
    /// `None` lasts for ever.
    pub(crate) duration: Option<Duration>,
    /// When to ask the same server again.
    pub(crate) renew_after: Duration,
    /// When to ask any server.
    pub(crate) rebind_after: Duration,
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Offer(Lease),
    Ack(Lease),
    Nak { server: Option<Ipv4Addr> },
}

/// What the client says; the same for all messages of one client.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) hardware_address: [u8; 6],
    pub(crate) hostname: Option<String>,
}

/// A question to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Who is there?
    Discover,
    /// I take what this server offers.
    Select { address: Ipv4Addr, server: Ipv4Addr },
    /// I had this address before I started: is it still mine (RFC 2131, section 4.3.2)?
    Reboot { address: Ipv4Addr },
    /// I have this address and want to keep it.
    Extend { address: Ipv4Addr },
}

impl Sender {
    pub(crate) fn encode(
        &self,
        question: Question,
        xid: u32,
        seconds: u16,
    ) -> Result<Vec<u8>, EncodeError> {
        let none = Ipv4Addr::UNSPECIFIED;
        let own = match question {
            Question::Extend { address } => address,
            Question::Discover | Question::Select { .. } | Question::Reboot { .. } => none,
        };
        let mut message = Message::new_with_id(xid, own, none, none, none, &self.hardware_address);
        message
            .set_opcode(Opcode::BootRequest)
            .set_htype(HType::Eth)
            .set_secs(seconds);
        let options = message.opts_mut();
        let kind = match question {
            Question::Discover => MessageType::Discover,
            Question::Select { .. } | Question::Reboot { .. } | Question::Extend { .. } => {
                MessageType::Request
            }
        };
        options.insert(DhcpOption::MessageType(kind));
        let identifier = [&[1], self.hardware_address.as_slice()].concat();
        options.insert(DhcpOption::ClientIdentifier(identifier));
        options.insert(DhcpOption::MaxMessageSize(1472));
        options.insert(DhcpOption::ParameterRequestList(vec![
            OptionCode::SubnetMask,
            OptionCode::ClasslessStaticRoute,
            OptionCode::Router,
            OptionCode::DomainNameServer,
            OptionCode::Hostname,
            OptionCode::DomainName,
            OptionCode::DomainSearch,
            OptionCode::InterfaceMtu,
            OptionCode::NtpServers,
        ]));
        if let Some(name) = &self.hostname {
            options.insert(DhcpOption::Hostname(name.clone()));
        }
        if let Question::Select { address, .. } | Question::Reboot { address } = question {
            options.insert(DhcpOption::RequestedIpAddress(address));
        }
        if let Question::Select { server, .. } = question {
            options.insert(DhcpOption::ServerIdentifier(server));
        }
        let mut bytes = Vec::with_capacity(400);
        message.encode(&mut Encoder::new(&mut bytes))?;
        bytes.resize(bytes.len().max(MESSAGE_MIN), PAD);
        Ok(bytes)
    }

    /// The reply, when it is one to this client and this exchange.
    pub(crate) fn decode(&self, payload: &[u8], xid: u32) -> Option<Reply> {
        let message = Message::decode(&mut Decoder::new(&vetted(payload)?)).ok()?;
        // The length is looked at first: the decoder slices by it without a check.
        let is_for_me = message.opcode() == Opcode::BootReply
            && message.xid() == xid
            && usize::from(message.hlen()) == self.hardware_address.len()
            && message.chaddr() == self.hardware_address;
        if !is_for_me {
            return None;
        }
        let options = message.opts();
        match options.msg_type()? {
            MessageType::Offer => lease(message.yiaddr(), options).map(Reply::Offer),
            MessageType::Ack => lease(message.yiaddr(), options).map(Reply::Ack),
            MessageType::Nak => Some(Reply::Nak {
                server: server(options),
            }),
            _ => None,
        }
    }
}

/// The message with those options only that are used here and can be read: the decoder leaves out all
/// behind one that it cannot read, and is confused by some that are too short.
fn vetted(payload: &[u8]) -> Option<Vec<u8>> {
    let (head, mut rest) = payload.split_at_checked(OPTIONS_AT)?;
    let mut kept = head.to_vec();
    while let Some((code, after)) = rest.split_first() {
        match *code {
            PAD => rest = after,
            END => break,
            code => {
                let (length, after) = after.split_first()?;
                let (value, after) = after.split_at_checked(usize::from(*length))?;
                if is_readable(code.into(), value) {
                    kept.extend([code, *length]);
                    kept.extend(value);
                }
                rest = after;
            }
        }
    }
    kept.push(END);
    Some(kept)
}

fn is_readable(code: OptionCode, value: &[u8]) -> bool {
    match code {
        OptionCode::SubnetMask
        | OptionCode::AddressLeaseTime
        | OptionCode::ServerIdentifier
        | OptionCode::Renewal
        | OptionCode::Rebinding => value.len() == 4,
        OptionCode::Router | OptionCode::DomainNameServer | OptionCode::NtpServers => {
            value.len().is_multiple_of(4)
        }
        OptionCode::Hostname | OptionCode::DomainName => std::str::from_utf8(value).is_ok(),
        OptionCode::InterfaceMtu => value.len() == 2,
        OptionCode::MessageType => value.len() == 1,
        // These may go on in the next option of the same kind (RFC 3396).
        OptionCode::ClasslessStaticRoute | OptionCode::DomainSearch => true,
        _ => false,
    }
}

fn server(options: &DhcpOptions) -> Option<Ipv4Addr> {
    match options.get(OptionCode::ServerIdentifier) {
        Some(DhcpOption::ServerIdentifier(server)) => Some(*server),
        _ => None,
    }
}

fn lease(address: Ipv4Addr, options: &DhcpOptions) -> Option<Lease> {
    if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
        return None;
    }
    let mask = match options.get(OptionCode::SubnetMask) {
        Some(DhcpOption::SubnetMask(mask)) => *mask,
        // A server that tells no mask gives a single address.
        _ => Ipv4Addr::BROADCAST,
    };
    let duration = match options.get(OptionCode::AddressLeaseTime) {
        Some(DhcpOption::AddressLeaseTime(u32::MAX)) => None,
        Some(DhcpOption::AddressLeaseTime(seconds)) => Some(seconds_of(*seconds)),
        // An answer without lease time is not one to DHCP.
        _ => return None,
    };
    let whole = duration.unwrap_or(Duration::MAX);
    if whole < LEASE_MIN {
        return None;
    }
    let soonest = RENEW_MIN.min(whole / 2);
    let rebind_after = match options.get(OptionCode::Rebinding) {
        Some(DhcpOption::Rebinding(seconds)) if seconds_of(*seconds) < whole => {
            seconds_of(*seconds)
        }
        _ => whole / 8 * 7,
    };
    let renew_after = match options.get(OptionCode::Renewal) {
        Some(DhcpOption::Renewal(seconds)) if seconds_of(*seconds) < rebind_after => {
            seconds_of(*seconds)
        }
        _ => (whole / 2).min(rebind_after),
    };
    Some(Lease {
        address: Ipv4Net::with_netmask(address, mask).ok()?,
        server: server(options)?,
        routes: routes(options),
        dns: match options.get(OptionCode::DomainNameServer) {
            Some(DhcpOption::DomainNameServer(servers)) => first_of(servers),
            _ => Vec::new(),
        },
        domain: match options.get(OptionCode::DomainName) {
            Some(DhcpOption::DomainName(name)) => checked_name(name),
            _ => None,
        },
        search: match options.get(OptionCode::DomainSearch) {
            Some(DhcpOption::DomainSearch(names)) => names
                .iter()
                .take(LIST_MAX)
                .filter_map(|name| checked_name(&name.to_string()))
                .collect(),
            _ => Vec::new(),
        },
        hostname: match options.get(OptionCode::Hostname) {
            Some(DhcpOption::Hostname(name)) => checked_name(name),
            _ => None,
        },
        mtu: match options.get(OptionCode::InterfaceMtu) {
            Some(DhcpOption::InterfaceMtu(mtu)) if *mtu >= MTU_MIN => Some(*mtu),
            _ => None,
        },
        ntp: match options.get(OptionCode::NtpServers) {
            Some(DhcpOption::NtpServers(servers)) => first_of(servers),
            _ => Vec::new(),
        },
        duration,
        renew_after: renew_after.max(soonest),
        rebind_after: rebind_after.max(soonest),
    })
}

fn first_of(servers: &[Ipv4Addr]) -> Vec<Ipv4Addr> {
    servers.iter().copied().take(LIST_MAX).collect()
}

/// Classless routes replace the routers (RFC 3442).
fn routes(options: &DhcpOptions) -> Vec<(Ipv4Net, Ipv4Addr)> {
    if let Some(DhcpOption::ClasslessStaticRoute(routes)) =
        options.get(OptionCode::ClasslessStaticRoute)
    {
        let routes = routes.iter().take(LIST_MAX);
        return routes.map(|(to, via)| (to.trunc(), *via)).collect();
    }
    match options.get(OptionCode::Router) {
        Some(DhcpOption::Router(routers)) => {
            let first = routers.iter().find(|router| !router.is_unspecified());
            let route = |router: &Ipv4Addr| (Ipv4Net::default(), *router);
            first.map(route).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Names go into files of /etc: nothing but letters, digits, dots and dashes may pass.
fn checked_name(name: &str) -> Option<String> {
    let name = name.trim_end_matches(['.', '\0']);
    let is_valid = !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            let ends = [bytes.first(), bytes.last()];
            (1..=63).contains(&bytes.len())
                && ends.into_iter().flatten().all(u8::is_ascii_alphanumeric)
                && bytes
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        });
    is_valid.then(|| name.to_ascii_lowercase())
}

fn seconds_of(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}

#[cfg(test)]
#[path = "packet_tests.rs"]
pub(super) mod tests;

#[cfg(test)]
#[path = "captured_tests.rs"]
mod captured_tests;
