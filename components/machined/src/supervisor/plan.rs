//! What a service needs, and in which order services end.

use std::fmt;

use ichor_rights::{Condition, Service};

/// One of the things that a service waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A service is up.
    Up(&'static str),
    /// Something else holds.
    Condition(&'static Condition),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(id) => write!(f, "service {id:?} to be \"up\""),
            Self::Condition(condition) => condition.fmt(f),
        }
    }
}

/// All that a service waits for.
pub(crate) fn plan_needs(service: &Service) -> Vec<Need> {
    let services = service.requires.iter().map(|id| Need::Up(id));
    let conditions = service.conditions.iter().map(Need::Condition);
    services.chain(conditions).collect()
}

/// Why a service does not run on this node at all.
pub(crate) fn plan_skip(service: &Service, is_machine: bool) -> Option<&'static str> {
    (service.machine_only && !is_machine).then_some("it is for machines, not for containers")
}

/// Services in the order in which they end: those of a group at once, each group after the one before
/// it has ended. Nobody ends before those who require it.
///
/// Those who require each other in a circle, which is a mistake of the table, end at once.
pub(crate) fn plan_stop(
    services: &[(&'static str, &'static [&'static str])],
) -> Vec<Vec<&'static str>> {
    let mut left = services.to_vec();
    let mut groups = Vec::new();
    while !left.is_empty() {
        let is_required = |id: &str| left.iter().any(|(_, requires)| requires.contains(&id));
        let (kept, free): (Vec<_>, Vec<_>) = left.iter().partition(|(id, _)| is_required(id));
        let group = match free.is_empty() {
            true => std::mem::take(&mut left),
            false => {
                left = kept;
                free
            }
        };
        groups.push(group.into_iter().map(|(id, _)| id).collect());
    }
    groups
}

#[cfg(test)]
mod tests {
    use ichor_rights::{NetworkPart, SERVICES, service};

    use super::*;

    #[test]
    fn who_is_required_ends_after_those_who_require_it() {
        type Rows = &'static [(&'static str, &'static [&'static str])];
        let table: &[(Rows, &[&[&str]])] = &[
            (&[], &[]),
            (&[("a", &[]), ("b", &[])], &[&["a", "b"]]),
            (
                &[
                    ("cri", &[]),
                    ("kubelet", &["cri"]),
                    ("etcd", &["cri"]),
                    ("apid", &[]),
                ],
                &[&["kubelet", "etcd", "apid"], &["cri"]],
            ),
            (
                &[("a", &["b"]), ("b", &["c"]), ("c", &[])],
                &[&["a"], &["b"], &["c"]],
            ),
            // One that does not run here, and a circle.
            (&[("a", &["absent"])], &[&["a"]]),
            (
                &[("a", &["b"]), ("b", &["a"]), ("c", &["a"])],
                &[&["c"], &["a", "b"]],
            ),
        ];
        for (services, expected) in table {
            assert_eq!(plan_stop(services), *expected, "{services:?}");
        }
    }

    #[test]
    fn the_table_has_no_circle_and_names_what_exists() {
        let mut waiting: Vec<_> = SERVICES.iter().collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            let ids: Vec<_> = waiting.iter().map(|service| service.id).collect();
            waiting.retain(|service| service.requires.iter().any(|id| ids.contains(id)));
            assert!(waiting.len() < before, "a circle among {ids:?}");
        }
        for each in SERVICES {
            let finished = each
                .conditions
                .iter()
                .filter_map(|condition| match condition {
                    Condition::Finished(id) => Some(id),
                    _ => None,
                });
            for id in each.requires.iter().chain(finished) {
                assert!(service(id).is_some(), "{} needs {id}", each.id);
            }
        }
    }

    #[test]
    fn what_the_first_answer_needs_waits_for_nothing() {
        for id in ["networkd", "apid"] {
            assert_eq!(plan_needs(service(id).unwrap()), [], "{id}");
        }
    }

    #[test]
    fn a_container_skips_what_is_for_machines() {
        for (id, skipped) in [("apid", false), ("udevd", true), ("storaged", true)] {
            let service = service(id).unwrap();
            assert_eq!(plan_skip(service, false).is_some(), skipped, "{id}");
            assert_eq!(plan_skip(service, true), None, "{id}");
        }
    }

    #[test]
    fn needs_are_words() {
        let parts = &[NetworkPart::Addresses, NetworkPart::EtcFiles];
        let network = Condition::Network(parts);
        let resource = Condition::Resource {
            type_name: "EtcdSpecs.etcd.talos.dev",
            id: "etcd",
        };
        let table: &[(&Condition, &str)] = &[
            (&Condition::ApiReachable, "the API to be reachable"),
            (&network, "network (addresses, etcfiles)"),
            (&Condition::TimeSynced, "time sync"),
            (
                &resource,
                "resource EtcdSpecs.etcd.talos.dev(etcd) to exist",
            ),
            (&Condition::Path("/dev/log"), "file \"/dev/log\" to exist"),
            (
                &Condition::Finished("install"),
                "service \"install\" to be \"finished\"",
            ),
        ];
        for (condition, words) in table {
            assert_eq!(condition.to_string(), *words);
        }
        assert_eq!(Need::Up("cri").to_string(), "service \"cri\" to be \"up\"");
    }
}
