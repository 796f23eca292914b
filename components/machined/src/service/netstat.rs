//! Sockets, as a request selects them.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ichor_api::machine::netstat_request::{Filter, L4proto, NetNs};
use ichor_api::machine::{ConnectRecord, NetstatRequest};
use tonic::Status;

use crate::proc::{namespaces, netstat};

const PROC: &str = "/proc";
const OWN: &str = "/proc/self";

/// Lists sockets; reads many small files, so it is called where blocking is allowed.
///
/// # Errors
/// A named network namespace that does not exist or has no process.
pub(crate) fn list(request: &NetstatRequest) -> Result<Vec<ConnectRecord>, Status> {
    let tables = tables(request.l4proto.unwrap_or_default());
    let mut records = Vec::new();
    for (name, directory) in directories(request.netns.clone().unwrap_or_default())? {
        for table in &tables {
            // A table is missing when the kernel does not have that protocol.
            let text = fs::read_to_string(directory.join(table)).unwrap_or_default();
            let sockets = netstat::parse(table, &text).into_iter();
            let wanted = sockets.filter(|socket| is_wanted(request.filter(), socket));
            records.extend(wanted.map(|socket| ConnectRecord {
                netns: name.clone(),
                ..socket
            }));
        }
    }
    if request.feature.unwrap_or_default().pid {
        let owners = namespaces::socket_owners(Path::new(PROC));
        for record in &mut records {
            record.process = owners.get(&record.inode).cloned();
        }
    }
    Ok(records)
}

/// A request that names no protocol means all.
fn tables(wanted: L4proto) -> Vec<&'static str> {
    let all = [
        ("tcp", wanted.tcp),
        ("tcp6", wanted.tcp6),
        ("udp", wanted.udp),
        ("udp6", wanted.udp6),
        ("udplite", wanted.udplite),
        ("udplite6", wanted.udplite6),
        ("raw", wanted.raw),
        ("raw6", wanted.raw6),
    ];
    let any = all.iter().any(|(_, is_wanted)| *is_wanted);
    let chosen = all.iter().filter(|(_, is_wanted)| *is_wanted || !any);
    chosen.map(|(table, _)| *table).collect()
}

/// A socket with a peer is connected; all others wait for whoever comes.
fn is_wanted(filter: Filter, socket: &ConnectRecord) -> bool {
    let remote = socket.remoteip.parse::<IpAddr>();
    let has_peer = socket.remoteport != 0 || remote.is_ok_and(|address| !address.is_unspecified());
    match filter {
        Filter::All => true,
        Filter::Connected => has_peer,
        Filter::Listening => !has_peer,
    }
}

/// The namespaces that are meant, by name. The node's own has no name.
fn directories(wanted: NetNs) -> Result<Vec<(String, PathBuf)>, Status> {
    let own = (String::new(), PathBuf::from(OWN).join("net"));
    if !wanted.allnetns && wanted.netns.is_empty() {
        // Without any choice, the node itself is meant.
        return Ok(vec![own]);
    }
    let names = namespaces::namespace_names(Path::new(namespaces::NAMED));
    let mut others = namespaces::network_namespaces(Path::new(PROC));
    if let Some(inode) = namespaces::namespace_of(Path::new(OWN)) {
        others.remove(&inode);
    }
    let mut chosen = Vec::new();
    if wanted.hostnetwork || wanted.allnetns {
        chosen.push(own);
    }
    if wanted.allnetns {
        let named = others.into_iter().map(|(inode, directory)| {
            let name = names.get(&inode).cloned();
            (name.unwrap_or_else(|| format!("net:[{inode}]")), directory)
        });
        chosen.extend(named);
        return Ok(chosen);
    }
    for name in wanted.netns {
        chosen.push(named_directory(name, &names, &others)?);
    }
    Ok(chosen)
}

/// The tables of a namespace are seen through a process that is in it.
fn named_directory(
    name: String,
    names: &BTreeMap<u64, String>,
    others: &BTreeMap<u64, PathBuf>,
) -> Result<(String, PathBuf), Status> {
    let inode = names.iter().find(|(_, each)| **each == name);
    let Some((inode, _)) = inode else {
        return Err(Status::not_found(format!(
            "there is no network namespace {name:?}"
        )));
    };
    match others.get(inode) {
        Some(directory) => Ok((name, directory.clone())),
        None => Err(Status::failed_precondition(format!(
            "no process is in the network namespace {name:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use ichor_api::machine::netstat_request::Feature;

    use super::*;

    #[test]
    fn filters_by_the_peer() {
        let socket = |remoteip: &str, remoteport| ConnectRecord {
            remoteip: remoteip.into(),
            remoteport,
            ..ConnectRecord::default()
        };
        for (address, port, connected) in [
            ("0.0.0.0", 0, false),
            ("::", 0, false),
            ("10.0.0.1", 5, true),
            ("fe80::1", 0, true),
        ] {
            let socket = socket(address, port);
            assert!(is_wanted(Filter::All, &socket));
            assert_eq!(
                is_wanted(Filter::Connected, &socket),
                connected,
                "{address}"
            );
            assert_eq!(
                is_wanted(Filter::Listening, &socket),
                !connected,
                "{address}"
            );
        }
    }

    #[test]
    fn no_protocol_means_all() {
        assert_eq!(tables(L4proto::default()).len(), 8);
        let only = L4proto {
            udp6: true,
            ..L4proto::default()
        };
        assert_eq!(tables(only), ["udp6"]);
    }

    #[test]
    fn an_own_socket_is_listed_with_its_process() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = u32::from(socket.local_addr().unwrap().port());
        let request = |pid| NetstatRequest {
            filter: Filter::Listening.into(),
            feature: Some(Feature { pid }),
            ..NetstatRequest::default()
        };
        let find = |pid| {
            let records = list(&request(pid)).unwrap();
            let found = records.into_iter().find(|each| each.localport == port);
            found.unwrap().process
        };
        assert_eq!(find(true).unwrap().pid, std::process::id());
        assert_eq!(find(false), None);
    }

    #[test]
    fn an_unknown_namespace_is_named() {
        let request = NetstatRequest {
            netns: Some(NetNs {
                netns: vec!["nowhere".into()],
                ..NetNs::default()
            }),
            ..NetstatRequest::default()
        };
        let status = list(&request).unwrap_err();
        assert_eq!(status.code(), tonic::Code::NotFound);
        assert!(status.message().contains("nowhere"));
    }
}
