//! Each method that a node serves has a row, and each row a method.

use std::collections::BTreeSet;

use ichor_access::SERVICES;
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
    contract.retain(|path| !NOT_SERVED.iter().any(|name| in_service(path, name)));
    assert!(contract.len() < all);
    let table: BTreeSet<String> = SERVICES
        .iter()
        .flat_map(|service| {
            let methods = service.methods.iter();
            methods.map(|method| format!("{}/{}", service.name, method.name))
        })
        .collect();
    let missing: Vec<_> = contract.difference(&table).collect();
    assert!(missing.is_empty(), "without a row: {missing:#?}");
    let unknown: Vec<_> = table.difference(&contract).collect();
    assert!(unknown.is_empty(), "not in the contract: {unknown:#?}");
}

#[test]
fn what_is_not_served_is_in_the_contract() {
    let contract = methods_of_the_contract();
    for name in NOT_SERVED {
        let known = contract.iter().any(|path| in_service(path, name));
        assert!(known, "{name}");
    }
}

/// Each as `SERVICE/METHOD`.
fn methods_of_the_contract() -> BTreeSet<String> {
    let set = FileDescriptorSet::decode(ichor_api::DESCRIPTORS).unwrap();
    let mut paths = BTreeSet::new();
    for file in &set.file {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            let methods = service.method.iter();
            paths.extend(methods.map(|method| format!("{name}/{}", method.name())));
        }
    }
    paths
}

fn in_service(path: &str, name: &str) -> bool {
    path.split_once('/')
        .is_some_and(|(service, _)| service == name)
}
