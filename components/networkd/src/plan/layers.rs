//! Merging what several layers want.

use std::collections::BTreeMap;

use ichor_resource::Spec;
use ichor_resource::specs::network::{
    AddressSpec, ConfigLayer, HostnameSpec, LinkSpec, OperatorSpec, ResolverSpec, RouteSpec,
    TimeServerSpec,
};

/// A spec that several layers may give for the same thing.
pub(crate) trait Layered: Spec {
    /// Name of the controller that merges these.
    const MERGER: &'static str;
    /// What the spec is about: the id of the merged resource.
    fn key(&self) -> String;
    /// Who wants it.
    fn layer(&self) -> ConfigLayer;
    /// Combines this with another of the same or a later layer.
    fn overridden_by(self, later: Self) -> Self {
        drop(self);
        later
    }
}

/// The merged specs by id. Later layers win; within a layer the later id does.
pub(crate) fn merge<S: Layered>(mut specs: Vec<S>) -> BTreeMap<String, S> {
    specs.sort_by_key(Layered::layer);
    let mut merged = BTreeMap::new();
    for spec in specs {
        let key = spec.key();
        let spec = match merged.remove(&key) {
            Some(earlier) => S::overridden_by(earlier, spec),
            None => spec,
        };
        merged.insert(key, spec);
    }
    merged
}

impl Layered for AddressSpec {
    const MERGER: &'static str = "network.AddressMergeController";

    fn key(&self) -> String {
        format!("{}/{}", self.link_name, self.address)
    }

    fn layer(&self) -> ConfigLayer {
        self.layer
    }
}

impl Layered for RouteSpec {
    const MERGER: &'static str = "network.RouteMergeController";

    fn key(&self) -> String {
        super::route_id(self)
    }

    fn layer(&self) -> ConfigLayer {
        self.layer
    }
}

impl Layered for LinkSpec {
    const MERGER: &'static str = "network.LinkMergeController";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn layer(&self) -> ConfigLayer {
        self.layer
    }

    /// What a later layer leaves open stays.
    fn overridden_by(self, later: Self) -> Self {
        Self {
            up: self.up || later.up,
            mtu: if later.mtu > 0 { later.mtu } else { self.mtu },
            multicast: later.multicast.or(self.multicast),
            ..later
        }
    }
}

impl Layered for OperatorSpec {
    const MERGER: &'static str = "network.OperatorMergeController";

    fn key(&self) -> String {
        format!("{}/{}", self.operator, self.link_name)
    }

    fn layer(&self) -> ConfigLayer {
        self.layer
    }
}

impl Layered for HostnameSpec {
    const MERGER: &'static str = "network.HostnameMergeController";

    fn key(&self) -> String {
        "hostname".into()
    }

    fn layer(&self) -> ConfigLayer {
        self.layer
    }

    /// Two leases of one layer: the first one that gives a name keeps it.
    fn overridden_by(self, later: Self) -> Self {
        if later.hostname.is_empty() || self.layer == later.layer {
            return self;
        }
        later
    }
}

impl Layered for ResolverSpec {
    const MERGER: &'static str = "network.ResolverMergeController";

    fn key(&self) -> String {
        "resolvers".into()
    }

    fn layer(&self) -> ConfigLayer {
        self.layer
    }

    /// Servers of the latest layer that has any; those of one layer together.
    fn overridden_by(self, later: Self) -> Self {
        let mut merged = later.clone();
        if later.dns_servers.is_empty() {
            merged.dns_servers = self.dns_servers;
            merged.name_servers = self.name_servers;
        } else if self.layer == later.layer {
            merged.dns_servers = joined(self.dns_servers, later.dns_servers);
        }
        if !later.search_domains_overridden {
            merged.search_domains = joined(self.search_domains, later.search_domains);
        }
        merged
    }
}

impl Layered for TimeServerSpec {
    const MERGER: &'static str = "network.TimeServerMergeController";

    fn key(&self) -> String {
        "timeservers".into()
    }

    fn layer(&self) -> ConfigLayer {
        self.layer
    }

    fn overridden_by(self, later: Self) -> Self {
        if later.time_servers.is_empty() {
            return self;
        }
        if self.layer == later.layer {
            let time_servers = joined(self.time_servers, later.time_servers.clone());
            return Self {
                time_servers,
                ..later
            };
        }
        later
    }
}

fn joined<T: PartialEq>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
    for each in second {
        if !first.contains(&each) {
            first.push(each);
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolvers(layer: ConfigLayer, servers: &[[u8; 4]], domains: &[&str]) -> ResolverSpec {
        ResolverSpec {
            dns_servers: servers.iter().map(|ip| (*ip).into()).collect(),
            search_domains: domains.iter().map(ToString::to_string).collect(),
            layer,
            ..ResolverSpec::default()
        }
    }

    #[test]
    fn later_layers_replace_resolvers_and_one_layer_joins_them() {
        let merged = merge(vec![
            resolvers(ConfigLayer::Operator, &[[10, 0, 0, 1]], &["one"]),
            resolvers(ConfigLayer::Default, &[[1, 1, 1, 1]], &[]),
            resolvers(
                ConfigLayer::Operator,
                &[[10, 0, 0, 2], [10, 0, 0, 1]],
                &["two"],
            ),
        ]);
        let expected = resolvers(
            ConfigLayer::Operator,
            &[[10, 0, 0, 1], [10, 0, 0, 2]],
            &["one", "two"],
        );
        assert_eq!(merged["resolvers"], expected);
    }

    #[test]
    fn a_lease_without_name_keeps_the_default_name() {
        let spec = |hostname: &str, layer| HostnameSpec {
            hostname: hostname.into(),
            layer,
            ..HostnameSpec::default()
        };
        let merged = merge(vec![
            spec("default", ConfigLayer::Default),
            spec("", ConfigLayer::Operator),
        ]);
        assert_eq!(merged["hostname"].hostname, "default");
        let merged = merge(vec![
            spec("leased", ConfigLayer::Operator),
            spec("default", ConfigLayer::Default),
        ]);
        assert_eq!(merged["hostname"].hostname, "leased");
    }

    #[test]
    fn a_lease_changes_the_mtu_of_a_link_but_not_that_it_is_up() {
        let spec = |up, mtu, layer| LinkSpec {
            name: "eth0".into(),
            up,
            mtu,
            layer,
            ..LinkSpec::default()
        };
        let merged = merge(vec![
            spec(false, 1400, ConfigLayer::Operator),
            spec(true, 0, ConfigLayer::Default),
        ]);
        assert_eq!((merged["eth0"].up, merged["eth0"].mtu), (true, 1400));
    }
}
