//! Links that the kernel makes are reported as what they are.
//!
//! Needs root and `ip`.

use ichor_resource::specs::network::LinkStatus;
use ichor_state::MemoryState;

use crate::support::{Namespace, appears, disappears, with_networkd};

#[test]
fn netns_links_of_each_kind_are_reported_as_they_come_and_go() {
    let namespace = Namespace::new("links");
    with_networkd(&namespace, |state| check(state, &namespace));
}

#[test]
fn netns_other_names_of_a_link_are_reported_as_they_come_and_go() {
    let namespace = Namespace::new("names");
    with_networkd(&namespace, |state| check_names(state, &namespace));
}

async fn check_names(state: std::sync::Arc<MemoryState>, namespace: &Namespace) {
    namespace.ip(&[
        "link", "add", "blue0", "type", "veth", "peer", "name", "blue1",
    ]);
    // Of one that is down, the kernel does not tell at once.
    namespace.ip(&["link", "set", "blue0", "up"]);
    let link = appears::<LinkStatus>(&state, "blue0", |_| true).await;
    assert_eq!((link.alias.as_str(), link.alt_names.len()), ("", 0));
    for name in ["uplink", "enp7s0f1np1", "a-name-longer-than-sixteen-bytes"] {
        namespace.ip(&["link", "property", "add", "dev", "blue0", "altname", name]);
    }
    namespace.ip(&["link", "set", "blue0", "alias", "to the switch"]);
    let names = ["a-name-longer-than-sixteen-bytes", "enp7s0f1np1", "uplink"];
    appears::<LinkStatus>(&state, "blue0", |link| {
        link.alias == "to the switch" && link.alt_names == names
    })
    .await;
    namespace.ip(&[
        "link", "property", "del", "dev", "blue0", "altname", "uplink",
    ]);
    namespace.ip(&["link", "set", "blue0", "alias", ""]);
    appears::<LinkStatus>(&state, "blue0", |link| {
        link.alias.is_empty() && link.alt_names == names[..2]
    })
    .await;
}

async fn check(state: std::sync::Arc<MemoryState>, namespace: &Namespace) {
    namespace.ip(&["link", "add", "dummy0", "type", "dummy"]);
    let dummy = appears::<LinkStatus>(&state, "dummy0", |link| link.kind == "dummy").await;

    let vlan = ["link", "add", "link", "dummy0", "name", "vlan7"];
    namespace.ip(&[vlan.as_slice(), &["type", "vlan", "id", "7"]].concat());
    let vlan = appears::<LinkStatus>(&state, "vlan7", |link| link.kind == "vlan").await;
    assert_eq!(vlan.link_index, dummy.index);

    namespace.ip(&[
        "link",
        "add",
        "bond7",
        "type",
        "bond",
        "mode",
        "active-backup",
    ]);
    let bond = appears::<LinkStatus>(&state, "bond7", |link| link.kind == "bond").await;
    namespace.ip(&["link", "add", "dummy1", "type", "dummy"]);
    namespace.ip(&["link", "set", "dummy1", "master", "bond7"]);
    let port = appears::<LinkStatus>(&state, "dummy1", |link| link.slave_kind == "bond").await;
    assert_eq!(port.master_index, bond.index);

    // What stands on another link goes with it.
    namespace.ip(&["link", "delete", "dummy0"]);
    disappears::<LinkStatus>(&state, "vlan7").await;
    disappears::<LinkStatus>(&state, "dummy0").await;
}
