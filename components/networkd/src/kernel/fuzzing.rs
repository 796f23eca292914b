//! Messages of the kernel about the network.

use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;

use super::convert;

/// A message as the socket gives it.
pub(crate) fn message(input: &[u8]) {
    let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(input) else {
        return;
    };
    let name = |index: u32| Some(format!("eth{index}"));
    match message.payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => {
            convert::link(&link);
        }
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewAddress(address)) => {
            convert::address(&address, name);
        }
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) => {
            convert::route(&route, name);
        }
        _ => {}
    }
}
