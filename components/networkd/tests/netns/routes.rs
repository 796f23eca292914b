//! Routes that differ in their link or gateway only stand side by side.
//!
//! Needs root and `ip`.

use std::time::Duration;

use ichor_resource::specs::network::{ConfigLayer, RouteSpec, RouteStatus, RouteType, Scope};
use ichor_resource::{Pointer, Resource, Version};
use ichor_state::{MemoryState, StateExt};

use crate::support::{Namespace, appears, disappears, with_networkd};

const CONFIG: &str = "network-config";
const FOREIGN: &str = "blue2/inet4/10.82.0.1//1024";

#[test]
fn netns_default_routes_of_two_links_and_of_others_stand_side_by_side() {
    let namespace = Namespace::new("routes");
    for (link, address) in [
        ("blue0", "10.80.0.9/24"),
        ("blue1", "10.81.0.9/24"),
        ("blue2", "10.82.0.9/24"),
    ] {
        namespace.ip(&["link", "add", link, "type", "bridge"]);
        namespace.ip(&["address", "add", address, "dev", link]);
        namespace.ip(&["link", "set", link, "up"]);
    }
    let route = "default via 10.82.0.1 dev blue2 metric 1024";
    let words: Vec<_> = ["route", "add"]
        .into_iter()
        .chain(route.split(' '))
        .collect();
    namespace.ip(&words);
    with_networkd(&namespace, |state| check(state, &namespace));
}

async fn check(state: std::sync::Arc<MemoryState>, namespace: &Namespace) {
    appears::<RouteStatus>(&state, FOREIGN, |_| true).await;
    let mut pointers = Vec::new();
    for (link, gateway) in [("blue0", [10, 80, 0, 1]), ("blue1", [10, 81, 0, 1])] {
        let route = RouteSpec {
            gateway: Some(gateway.into()),
            out_link_name: link.into(),
            priority: 1024,
            route_type: RouteType::UNICAST,
            scope: Scope::GLOBAL,
            layer: ConfigLayer::Operator,
            ..RouteSpec::default()
        };
        let route = Resource::new(link, route).in_namespace(CONFIG);
        pointers.push(route.metadata.pointer());
        state.create_as(route, "").await.expect("route");
    }
    let (first, second) = ("blue0/inet4/10.80.0.1//1024", "blue1/inet4/10.81.0.1//1024");
    for id in [first, second, FOREIGN] {
        appears::<RouteStatus>(&state, id, |_| true).await;
    }
    let before = version(&state, first).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        namespace.ip(&["route", "show", "default"]).lines().count(),
        3
    );
    // Nobody has taken it away meanwhile and put it back.
    assert_eq!(version(&state, first).await, before);

    let first_wanted: &Pointer = &pointers[0];
    state
        .teardown_and_destroy(first_wanted, "")
        .await
        .expect("remove");
    disappears::<RouteStatus>(&state, first).await;
    for id in [second, FOREIGN] {
        appears::<RouteStatus>(&state, id, |_| true).await;
    }
}

async fn version(state: &MemoryState, id: &str) -> Version {
    let found = state.find::<RouteStatus>(id).await.expect("readable");
    found.expect("it is there").metadata.version
}
