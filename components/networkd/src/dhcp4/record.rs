//! A lease as annotations: the next process takes it up where this one ends.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use ichor_resource::Labels;
use ipnet::Ipv4Net;

use super::packet::Lease;

/// A lease and when it was granted, in the time since the machine's start: the clock may be set
/// between two processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) lease: Lease,
    pub(crate) at: Duration,
}

impl Granted {
    /// When it is over; `None` when it lasts for ever.
    pub(crate) fn end(&self) -> Option<Duration> {
        self.lease.duration.map(|duration| self.at + duration)
    }

    /// All of it, times in seconds, lists separated by spaces.
    pub(crate) fn annotations(&self) -> Labels {
        let lease = &self.lease;
        let routes = lease.routes.iter().map(|(to, via)| format!("{to}={via}"));
        let mut all = Labels::new();
        let mut put = |name: &str, value: String| all.insert(key(name), value);
        put("address", lease.address.to_string());
        put("server", lease.server.to_string());
        put("routes", list(routes));
        put("dns", list(&lease.dns));
        put("domain", list(&lease.domain));
        put("search", list(&lease.search));
        put("hostname", list(&lease.hostname));
        put("mtu", list(lease.mtu));
        put("ntp", list(&lease.ntp));
        put("granted", self.at.as_secs().to_string());
        put("duration", list(lease.duration.map(|all| all.as_secs())));
        put("renew-after", lease.renew_after.as_secs().to_string());
        put("rebind-after", lease.rebind_after.as_secs().to_string());
        all
    }

    /// What [`Granted::annotations`] wrote; `None` for anything else.
    pub(crate) fn parse(annotations: &Labels) -> Option<Self> {
        let text = |name: &str| annotations.get(&key(name)).map(String::as_str);
        let seconds = |name: &str| Some(Duration::from_secs(text(name)?.parse().ok()?));
        let lease = Lease {
            address: text("address")?.parse().ok()?,
            server: text("server")?.parse().ok()?,
            routes: text("routes")?
                .split_whitespace()
                .map(route)
                .collect::<Option<_>>()?,
            dns: parse_list(text("dns")?)?,
            domain: parse_list(text("domain")?)?.pop(),
            search: parse_list(text("search")?)?,
            hostname: parse_list(text("hostname")?)?.pop(),
            mtu: parse_list(text("mtu")?)?.pop(),
            ntp: parse_list(text("ntp")?)?,
            duration: parse_list(text("duration")?)?
                .pop()
                .map(Duration::from_secs),
            renew_after: seconds("renew-after")?,
            rebind_after: seconds("rebind-after")?,
        };
        let at = seconds("granted")?;
        Some(Self { lease, at })
    }
}

fn key(name: &str) -> String {
    format!("dhcp4.ichor.dev/{name}")
}

fn list<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    texts.join(" ")
}

fn parse_list<T: FromStr>(text: &str) -> Option<Vec<T>> {
    let values = text.split_whitespace().map(|value| value.parse().ok());
    values.collect()
}

fn route(text: &str) -> Option<(Ipv4Net, Ipv4Addr)> {
    let (to, via) = text.split_once('=')?;
    Some((to.parse().ok()?, via.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted() -> Granted {
        let lease = Lease {
            address: "10.0.2.15/24".parse().unwrap(),
            server: [10, 0, 2, 2].into(),
            routes: vec![
                (Ipv4Net::default(), [10, 0, 2, 2].into()),
                ("10.9.0.0/16".parse().unwrap(), Ipv4Addr::UNSPECIFIED),
            ],
            dns: vec![[10, 0, 2, 3].into(), [10, 0, 2, 4].into()],
            domain: Some("example.org".into()),
            search: vec!["a.test".into(), "b.test".into()],
            hostname: Some("bronze".into()),
            mtu: Some(1400),
            ntp: vec![[10, 0, 2, 9].into()],
            duration: Some(Duration::from_secs(3600)),
            renew_after: Duration::from_secs(1800),
            rebind_after: Duration::from_secs(3150),
        };
        let at = Duration::from_secs(40);
        Granted { lease, at }
    }

    #[test]
    fn a_lease_comes_back_as_it_was() {
        let full = granted();
        assert_eq!(Granted::parse(&full.annotations()), Some(full));
        let mut bare = granted();
        bare.lease.routes.clear();
        bare.lease.dns.clear();
        bare.lease.domain = None;
        bare.lease.hostname = None;
        bare.lease.mtu = None;
        bare.lease.duration = None;
        assert_eq!(Granted::parse(&bare.annotations()), Some(bare));
    }

    #[test]
    fn what_is_missing_or_unreadable_makes_no_lease() {
        assert_eq!(Granted::parse(&Labels::new()), None);
        let whole = granted().annotations();
        for name in whole.keys() {
            let mut part = whole.clone();
            part.remove(name);
            assert_eq!(Granted::parse(&part), None, "without {name}");
        }
        let mut wrong = whole;
        wrong.insert(key("routes"), "nowhere".into());
        assert_eq!(Granted::parse(&wrong), None);
    }
}
