//! Each method that a node serves has a row, and each row a method that takes what the row says.

use std::collections::BTreeMap;

use ichor_access::{Request, SERVICES};
use prost::Message;
use prost_types::FileDescriptorSet;

/// Services that a node calls, or that only tools around it know.
const NOT_SERVED: &[&str] = &[
    "events.EventSinkService",
    "sidero.discovery.server.Cluster",
    "sidero.kms.KMSService",
    "sidero.link.ProvisionService",
    "sidero.link.WireGuardOverGRPCService",
    "signerapi.SignerService",
];

#[test]
fn each_method_that_is_served_has_a_row_and_each_row_a_method() {
    let mut contract = methods_of_the_contract();
    let all = contract.len();
    contract.retain(|path, _| !NOT_SERVED.iter().any(|name| in_service(path, name)));
    assert!(contract.len() < all);
    let mut table = BTreeMap::new();
    for service in SERVICES {
        let methods = service.methods.iter();
        table.extend(methods.map(|method| {
            let path = format!("{}/{}", service.name, method.name);
            (path, method.request)
        }));
    }
    let missing: Vec<_> = contract
        .keys()
        .filter(|path| !table.contains_key(*path))
        .collect();
    assert!(missing.is_empty(), "without a row: {missing:#?}");
    let unknown: Vec<_> = table
        .keys()
        .filter(|path| !contract.contains_key(*path))
        .collect();
    assert!(unknown.is_empty(), "not in the contract: {unknown:#?}");
    assert_eq!(table, contract);
}

#[test]
fn what_is_not_served_is_in_the_contract() {
    let contract = methods_of_the_contract();
    for name in NOT_SERVED {
        let known = contract.keys().any(|path| in_service(path, name));
        assert!(known, "{name}");
    }
}

/// Each as `SERVICE/METHOD`, and what it takes.
fn methods_of_the_contract() -> BTreeMap<String, Request> {
    let set = FileDescriptorSet::decode(ichor_api::DESCRIPTORS).unwrap();
    let mut all = BTreeMap::new();
    for file in &set.file {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            let methods = service.method.iter();
            all.extend(methods.map(|method| {
                let request = match method.client_streaming() {
                    true => Request::Stream,
                    false => Request::Message,
                };
                (format!("{name}/{}", method.name()), request)
            }));
        }
    }
    all
}

fn in_service(path: &str, name: &str) -> bool {
    path.split_once('/')
        .is_some_and(|(service, _)| service == name)
}
