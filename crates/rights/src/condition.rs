//! What a service waits for.

use std::fmt;

/// What must hold before a service starts. Once it has held, it is not looked at again: a service
/// that runs has to bear that it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The API can be reached, or has been waited for long enough: its first answer waits for nothing
    /// that is not needed for it.
    ApiReachable,
    /// All of these parts of the network work.
    Network(&'static [NetworkPart]),
    /// The clock is right, or nobody sets it.
    TimeSynced,
    /// A resource is there, in the default namespace of its type, and is not being torn down.
    Resource {
        /// Type, such as `EtcdSpecs.etcd.talos.dev`.
        type_name: &'static str,
        /// Id.
        id: &'static str,
    },
    /// A file, directory or socket is there.
    Path(&'static str),
    /// A service has ended and stays so.
    Finished(&'static str),
}

/// A part of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkPart {
    /// An address.
    Addresses,
    /// A way to others.
    Connectivity,
    /// The host name.
    Hostname,
    /// The files of `/etc` that speak of the network.
    EtcFiles,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiReachable => f.write_str("the API to be reachable"),
            Self::Network(parts) => {
                let names = parts.iter().map(|part| part.name());
                let names: Vec<_> = names.collect();
                write!(f, "network ({})", names.join(", "))
            }
            Self::TimeSynced => f.write_str("time sync"),
            Self::Resource { type_name, id } => write!(f, "resource {type_name}({id}) to exist"),
            Self::Path(path) => write!(f, "file {path:?} to exist"),
            Self::Finished(id) => write!(f, "service {id:?} to be \"finished\""),
        }
    }
}

impl NetworkPart {
    const fn name(self) -> &'static str {
        match self {
            Self::Addresses => "addresses",
            Self::Connectivity => "connectivity",
            Self::Hostname => "hostname",
            Self::EtcFiles => "etcfiles",
        }
    }
}
