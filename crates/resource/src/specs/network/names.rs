//! Host name, resolvers, time servers and readiness.

use std::net::IpAddr;

use ichor_api::talos::resource::definitions::network as wire;
use serde::Serialize;

use super::ConfigLayer;
use crate::specs::text;

text_enum! {
    /// How a DNS server is asked.
    DnsProtocol {
        Do53 = 0 => "Do53",
        Dot = 1 => "DoT",
        Doh = 2 => "DoH",
    }
}

/// A wanted host name: for each layer in `network-config`, merged in `network`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HostnameSpec {
    /// Host name without domain.
    pub hostname: String,
    /// Domain name.
    pub domainname: String,
    /// Where it comes from; a later layer wins.
    pub layer: ConfigLayer,
}

message!(HostnameSpec, wire::HostnameSpecSpec {
    hostname, domainname, layer as config_layer
});
spec!(
    HostnameSpec,
    wire::HostnameSpecSpec,
    "HostnameSpecs.net.talos.dev",
    "network"
);

/// The host name in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HostnameStatus {
    /// Host name without domain.
    pub hostname: String,
    /// Domain name.
    pub domainname: String,
}

message!(
    HostnameStatus,
    wire::HostnameStatusSpec {
        hostname,
        domainname
    }
);
spec!(
    HostnameStatus,
    wire::HostnameStatusSpec,
    "HostnameStatuses.net.talos.dev",
    "network"
);

/// Wanted DNS servers: for each layer in `network-config`, merged in `network`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolverSpec {
    /// Addresses of the DNS servers, in the order of use.
    pub dns_servers: Vec<IpAddr>,
    /// The same servers with protocol and TLS name.
    #[serde(skip_serializing_if = "text::unset")]
    pub name_servers: Vec<NameServer>,
    /// Where it comes from; a later layer wins.
    pub layer: ConfigLayer,
    /// Domains tried for short names.
    #[serde(skip_serializing_if = "text::unset")]
    pub search_domains: Vec<String>,
    /// Whether these search domains replace those of earlier layers.
    #[serde(skip_serializing_if = "text::unset")]
    pub search_domains_overridden: bool,
}

message!(ResolverSpec, wire::ResolverSpecSpec {
    dns_servers, name_servers, layer as config_layer, search_domains, search_domains_overridden
});
spec!(
    ResolverSpec,
    wire::ResolverSpecSpec,
    "ResolverSpecs.net.talos.dev",
    "network"
);

/// The DNS servers in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolverStatus {
    /// Addresses of the DNS servers, in the order of use.
    pub dns_servers: Vec<IpAddr>,
    /// The same servers with protocol and TLS name.
    #[serde(skip_serializing_if = "text::unset")]
    pub name_servers: Vec<NameServer>,
    /// Domains tried for short names.
    pub search_domains: Vec<String>,
}

message!(
    ResolverStatus,
    wire::ResolverStatusSpec {
        dns_servers,
        name_servers,
        search_domains
    }
);
spec!(
    ResolverStatus,
    wire::ResolverStatusSpec,
    "ResolverStatuses.net.talos.dev",
    "network"
);

/// A DNS server and how it is asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NameServer {
    /// Address of the server.
    pub addr: IpAddr,
    /// How it is asked.
    pub protocol: DnsProtocol,
    /// Name expected in the certificate of the server.
    pub tls_server_name: String,
}

message!(
    NameServer,
    wire::NameServerSpec {
        addr,
        protocol,
        tls_server_name
    }
);

/// Wanted NTP servers: for each layer in `network-config`, merged in `network`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeServerSpec {
    /// Names or addresses of the NTP servers.
    pub time_servers: Vec<String>,
    /// Whether the servers are asked with authentication (NTS).
    #[serde(rename = "useNTS", skip_serializing_if = "text::unset")]
    pub use_nts: bool,
    /// Where it comes from; a later layer wins.
    pub layer: ConfigLayer,
}

message!(TimeServerSpec, wire::TimeServerSpecSpec {
    time_servers as ntp_servers, use_nts, layer as config_layer
});
spec!(
    TimeServerSpec,
    wire::TimeServerSpecSpec,
    "TimeServerSpecs.net.talos.dev",
    "network"
);

/// The NTP servers in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeServerStatus {
    /// Names or addresses of the NTP servers.
    pub time_servers: Vec<String>,
    /// Whether the servers are asked with authentication (NTS).
    #[serde(rename = "useNTS")]
    pub use_nts: bool,
}

message!(TimeServerStatus, wire::TimeServerStatusSpec {
    time_servers as ntp_servers, use_nts
});
spec!(
    TimeServerStatus,
    wire::TimeServerStatusSpec,
    "TimeServerStatuses.net.talos.dev",
    "network"
);

/// How far the network is ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkStatus {
    /// Whether there is an address.
    pub address_ready: bool,
    /// Whether there is a default route or a probe succeeds.
    pub connectivity_ready: bool,
    /// Whether the host name is set.
    pub hostname_ready: bool,
    /// Whether hosts and resolv.conf are written.
    pub etc_files_ready: bool,
}

message!(
    NetworkStatus,
    wire::StatusSpec {
        address_ready,
        connectivity_ready,
        hostname_ready,
        etc_files_ready
    }
);
spec!(
    NetworkStatus,
    wire::StatusSpec,
    "NetworkStatuses.net.talos.dev",
    "network"
);
