//! The kernel's links, addresses and routes, by netlink. All of rtnetlink stays in here.

mod convert;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;

use futures_util::{StreamExt, TryStreamExt};
use ichor_controller::Waker;
use ichor_resource::specs::network::{
    AddressSpec, AddressStatus, LinkStatus, RouteSpec, RouteStatus, RoutingTable,
};
use ipnet::IpNet;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::route::{
    RouteAttribute, RouteMessage, RouteMetric, RouteProtocol, RouteScope, RouteType,
};
use rtnetlink::{AddressMessageBuilder, Handle, LinkUnspec, MulticastGroup, RouteMessageBuilder};

/// The kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {message}")]
pub(crate) struct KernelError {
    operation: String,
    message: String,
    code: Option<i32>,
}

/// Calls into the kernel; cheap to clone.
#[derive(Clone)]
pub(crate) struct Kernel {
    handle: Handle,
    /// Woken when links change.
    pub(crate) links: Waker,
    /// Woken when addresses change.
    pub(crate) addresses: Waker,
    /// Woken when routes change.
    pub(crate) routes: Waker,
}

/// Moves messages between the kernel and [`Kernel`]; nothing works while it does not run.
pub(crate) struct Netlink {
    requests: Pin<Box<dyn Future<Output = ()> + Send>>,
    listening: Pin<Box<dyn Future<Output = ()> + Send>>,
    events: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Netlink {
    pub(crate) async fn run(self) {
        tokio::select! {
            () = self.requests => {}
            () = self.listening => {}
            () = self.events => {}
        }
    }
}

impl Kernel {
    /// Subscribes to notifications; they wait until [`Netlink::run`].
    pub(crate) fn open() -> io::Result<(Self, Netlink)> {
        // Two sockets: on one, the notification of a change that networkd itself makes would be
        // taken for a part of the answer to its request, and nobody would be woken.
        let (requests, handle, _) = rtnetlink::new_connection()?;
        let (listening, listener, mut messages) = rtnetlink::new_multicast_connection(&[
            MulticastGroup::Link,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
        ])?;
        let kernel = Self {
            handle,
            links: Waker::new(),
            addresses: Waker::new(),
            routes: Waker::new(),
        };
        let woken = kernel.clone();
        let events = async move {
            // The connection ends with its last handle.
            let _listener = listener;
            while let Some((message, _)) = messages.next().await {
                woken.wake(&message);
            }
        };
        let netlink = Netlink {
            requests: Box::pin(requests),
            listening: Box::pin(listening),
            events: Box::pin(events),
        };
        Ok((kernel, netlink))
    }

    fn wake(&self, message: &NetlinkMessage<RouteNetlinkMessage>) {
        match &message.payload {
            NetlinkPayload::InnerMessage(inner) => match inner {
                RouteNetlinkMessage::NewLink(_) | RouteNetlinkMessage::DelLink(_) => {
                    self.links.wake();
                }
                RouteNetlinkMessage::NewAddress(_) | RouteNetlinkMessage::DelAddress(_) => {
                    self.addresses.wake();
                }
                RouteNetlinkMessage::NewRoute(_) | RouteNetlinkMessage::DelRoute(_) => {
                    self.routes.wake();
                }
                _ => {}
            },
            // Notifications were lost: look at everything.
            NetlinkPayload::Overrun(_) => {
                self.links.wake();
                self.addresses.wake();
                self.routes.wake();
            }
            _ => {}
        }
    }

    /// All links by name.
    pub(crate) async fn links(&self) -> Result<Vec<(String, LinkStatus)>, KernelError> {
        let messages: Vec<_> = self
            .handle
            .link()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(|error| failed("list links", &error))?;
        Ok(messages.iter().filter_map(convert::link).collect())
    }

    /// All addresses; `name` gives the name of a link.
    pub(crate) async fn addresses(
        &self,
        name: impl Fn(u32) -> Option<String>,
    ) -> Result<Vec<AddressStatus>, KernelError> {
        let messages: Vec<_> = self
            .handle
            .address()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(|error| failed("list addresses", &error))?;
        let status = |message| convert::address(message, &name);
        Ok(messages.iter().filter_map(status).collect())
    }

    /// All routes of both families; `name` gives the name of a link.
    pub(crate) async fn routes(
        &self,
        name: impl Fn(u32) -> Option<String>,
    ) -> Result<Vec<RouteStatus>, KernelError> {
        let four = RouteMessageBuilder::<Ipv4Addr>::new().build();
        let six = RouteMessageBuilder::<Ipv6Addr>::new().build();
        let mut all = Vec::new();
        for family in [four, six] {
            let messages: Vec<_> = self
                .handle
                .route()
                .get(family)
                .execute()
                .try_collect()
                .await
                .map_err(|error| failed("list routes", &error))?;
            all.extend(
                messages
                    .iter()
                    .filter_map(|message| convert::route(message, &name)),
            );
        }
        Ok(all)
    }

    /// Sets a link up or down, and its MTU unless that is 0.
    pub(crate) async fn set_link(&self, index: u32, up: bool, mtu: u32) -> Result<(), KernelError> {
        let message = LinkUnspec::new_with_index(index);
        let message = if up { message.up() } else { message.down() };
        let mut message = message.build();
        if mtu > 0 {
            message.attributes.push(LinkAttribute::Mtu(mtu));
        }
        let done = self.handle.link().set(message).execute().await;
        done.map_err(|error| failed(format!("set link {index}"), &error))
    }

    /// Adds an address, or changes its scope and metric.
    pub(crate) async fn add_address(
        &self,
        index: u32,
        spec: &AddressSpec,
    ) -> Result<(), KernelError> {
        let (address, length) = (spec.address.addr(), spec.address.prefix_len());
        let mut request = self.handle.address().add(index, address, length).replace();
        let message = request.message_mut();
        message.header.scope = spec.scope.0.into();
        if spec.priority > 0 {
            let metric = AddressAttribute::RoutePriority(spec.priority);
            message.attributes.push(metric);
        }
        let done = request.execute().await;
        done.map_err(|error| failed(format!("add address {}", spec.address), &error))
    }

    /// Removes an address; one that is gone needs nothing.
    pub(crate) async fn remove_address(
        &self,
        index: u32,
        address: IpNet,
    ) -> Result<(), KernelError> {
        let message: AddressMessage = match address {
            IpNet::V4(net) => AddressMessageBuilder::<Ipv4Addr>::new()
                .index(index)
                .address(net.addr(), net.prefix_len())
                .build(),
            IpNet::V6(net) => AddressMessageBuilder::<Ipv6Addr>::new()
                .index(index)
                .address(net.addr(), net.prefix_len())
                .build(),
        };
        let done = self.handle.address().del(message).execute().await;
        unless_gone(done.map_err(|error| failed(format!("remove address {address}"), &error)))
    }

    /// Adds a route beside others with the same destination and metric; one that is there needs
    /// nothing.
    pub(crate) async fn add_route(
        &self,
        out_link: Option<u32>,
        spec: &RouteSpec,
    ) -> Result<(), KernelError> {
        let done = self.request(addition(route_message(out_link, spec))).await;
        unless_there(
            done.map_err(|error| failed(format!("add route to {}", destination(spec)), &error)),
        )
    }

    async fn request(
        &self,
        message: NetlinkMessage<RouteNetlinkMessage>,
    ) -> Result<(), rtnetlink::Error> {
        let mut answers = self.handle.clone().request(message)?;
        while let Some(answer) = answers.next().await {
            if let NetlinkPayload::Error(error) = answer.payload {
                return Err(rtnetlink::Error::NetlinkError(error));
            }
        }
        Ok(())
    }

    /// Removes a route; one that is gone needs nothing.
    pub(crate) async fn remove_route(
        &self,
        out_link: Option<u32>,
        spec: &RouteSpec,
    ) -> Result<(), KernelError> {
        let request = self.handle.route().del(route_message(out_link, spec));
        let done = request.execute().await;
        unless_gone(
            done.map_err(|error| failed(format!("remove route to {}", destination(spec)), &error)),
        )
    }
}

fn destination(spec: &RouteSpec) -> String {
    spec.destination
        .map_or_else(|| "default".to_owned(), |net| net.to_string())
}

/// The request for a route. It must not replace: the kernel would take the first route with the same
/// destination and metric, whatever its gateway and link.
fn addition(route: RouteMessage) -> NetlinkMessage<RouteNetlinkMessage> {
    let mut message = NetlinkMessage::from(RouteNetlinkMessage::NewRoute(route));
    message.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND;
    message
}

fn route_message(out_link: Option<u32>, spec: &RouteSpec) -> RouteMessage {
    let mut message = match spec.family {
        ichor_resource::specs::network::Family::Inet4 => {
            RouteMessageBuilder::<Ipv4Addr>::new().build()
        }
        ichor_resource::specs::network::Family::Inet6 => {
            RouteMessageBuilder::<Ipv6Addr>::new().build()
        }
    };
    let table = if spec.table == RoutingTable::UNSPEC {
        RoutingTable::MAIN
    } else {
        spec.table
    };
    message.header.table = u8::try_from(table.0).unwrap_or_default();
    message.header.protocol = RouteProtocol::from(spec.protocol.0);
    message.header.scope = RouteScope::from(spec.scope.0);
    message.header.kind = RouteType::from(spec.route_type.0);
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Table(table.0));
    if let Some(destination) = spec.destination {
        message.header.destination_prefix_length = destination.prefix_len();
        attributes.push(RouteAttribute::Destination(convert::ip(
            destination.network(),
        )));
    }
    if let Some(gateway) = spec.gateway {
        attributes.push(RouteAttribute::Gateway(convert::ip(gateway)));
    }
    if let Some(source) = spec.source {
        attributes.push(RouteAttribute::PrefSource(convert::ip(source)));
    }
    if let Some(index) = out_link {
        attributes.push(RouteAttribute::Oif(index));
    }
    if spec.priority > 0 {
        attributes.push(RouteAttribute::Priority(spec.priority));
    }
    if spec.mtu > 0 {
        attributes.push(RouteAttribute::Metrics(vec![RouteMetric::Mtu(spec.mtu)]));
    }
    message
}

fn failed(operation: impl Into<String>, error: &rtnetlink::Error) -> KernelError {
    let code = match error {
        rtnetlink::Error::NetlinkError(message) => message.code.map(|code| -code.get()),
        _ => None,
    };
    KernelError {
        operation: operation.into(),
        message: error.to_string(),
        code,
    }
}

fn unless_gone(done: Result<(), KernelError>) -> Result<(), KernelError> {
    const NO_SUCH_PROCESS: i32 = 3;
    const NO_SUCH_DEVICE: i32 = 19;
    const NO_SUCH_ADDRESS: i32 = 99;
    match done {
        Err(error)
            if [NO_SUCH_PROCESS, NO_SUCH_DEVICE, NO_SUCH_ADDRESS]
                .map(Some)
                .contains(&error.code) =>
        {
            Ok(())
        }
        done => done,
    }
}

fn unless_there(done: Result<(), KernelError>) -> Result<(), KernelError> {
    const EXISTS: i32 = 17;
    match done {
        Err(error) if error.code == Some(EXISTS) => Ok(()),
        done => done,
    }
}

/// Family of an address.
pub(crate) fn family(address: IpAddr) -> ichor_resource::specs::network::Family {
    match address {
        IpAddr::V4(_) => ichor_resource::specs::network::Family::Inet4,
        IpAddr::V6(_) => ichor_resource::specs::network::Family::Inet6,
    }
}
