//! Contents of files below /etc.

use std::fmt::Write;
use std::net::IpAddr;

use ichor_resource::specs::network::{HostnameStatus, ResolverStatus};

/// resolv.conf(5) reads no more name servers.
const NAME_SERVERS_MAX: usize = 3;

/// /etc/resolv.conf.
pub(crate) fn resolv_conf(resolvers: &ResolverStatus) -> String {
    let mut text = String::new();
    for server in resolvers.dns_servers.iter().take(NAME_SERVERS_MAX) {
        // Writing into a String cannot fail.
        writeln!(text, "nameserver {server}").unwrap_or_default();
    }
    if !resolvers.search_domains.is_empty() {
        writeln!(text, "search {}", resolvers.search_domains.join(" ")).unwrap_or_default();
    }
    text
}

/// /etc/hosts.
pub(crate) fn hosts(hostname: Option<&HostnameStatus>, address: Option<IpAddr>) -> String {
    let mut text = String::from("127.0.0.1 localhost\n");
    if let (Some(name), Some(address)) = (hostname, address) {
        let (host, domain) = (&name.hostname, &name.domainname);
        let line = if domain.is_empty() {
            format!("{address} {host}")
        } else {
            format!("{address} {host}.{domain} {host}")
        };
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str("::1 localhost ip6-localhost ip6-loopback\n");
    text.push_str("ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_has_three_servers_and_the_domains() {
        let resolvers = ResolverStatus {
            dns_servers: (1..=4).map(|last| IpAddr::from([10, 0, 0, last])).collect(),
            search_domains: vec!["a.test".into(), "b.test".into()],
            ..ResolverStatus::default()
        };
        let expected = "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n\
                        search a.test b.test\n";
        assert_eq!(resolv_conf(&resolvers), expected);
    }

    #[test]
    fn hosts_knows_the_node_by_both_names() {
        let name = HostnameStatus {
            hostname: "bronze".into(),
            domainname: "example.org".into(),
        };
        let text = hosts(Some(&name), Some([10, 0, 2, 15].into()));
        assert!(text.contains("\n10.0.2.15 bronze.example.org bronze\n"));
        assert!(!hosts(None, Some([10, 0, 2, 15].into())).contains("10.0.2.15"));
    }
}
