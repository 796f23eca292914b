//! What passes, what is refused, and how things end.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::component::{self, Part, empty, message, trailers};
use crate::node::{APPLY, EVENTS, Node, Reply, VERSION};

const PERMISSION_DENIED: &str = "7";
const UNIMPLEMENTED: &str = "12";
const UNAVAILABLE: &str = "14";

#[tokio::test]
async fn headers_messages_and_trailers_pass() {
    let node = Node::start(|request| async move {
        let (parts, body) = request.into_parts();
        assert_eq!(parts.headers["grpc-timeout"], "5S");
        assert_eq!(parts.headers["talos-role"], "os:reader");
        assert!(!parts.headers.contains_key("nodes"));
        let sent = component::collect(body).await;
        let mut end = trailers("9");
        end.insert("grpc-message", "not%20now".parse().unwrap());
        end.insert("grpc-status-details-bin", "AAAA".parse().unwrap());
        let mut response = component::answer([Part::Data(sent), Part::Trailers(end)]);
        let header = "of the component".parse().unwrap();
        response.headers_mut().insert("x-header", header);
        response
    });
    let client = node.connect().await;
    let headers = [
        ("grpc-timeout", "5S"),
        ("talos-role", "os:admin"),
        ("nodes", "10.0.0.1"),
    ];
    let reply = client.call(APPLY, &headers, vec![message(300)]).await;
    assert_eq!(reply.headers["x-header"], "of the component");
    assert_eq!(reply.body, message(300));
    assert_eq!(reply.status(), "9");
    assert_eq!(reply.trailers["grpc-message"], "not%20now");
    assert_eq!(reply.trailers["grpc-status-details-bin"], "AAAA");
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let node = Node::start(empty);
    let client = node.connect().await;
    let call = |path: &'static str| client.call(path, &[], vec![message(0)]);
    for (path, status, text) in [
        (
            "/machine.MachineService/Reboot",
            PERMISSION_DENIED,
            "not authorized",
        ),
        (
            "/cosi.resource.State/Create",
            PERMISSION_DENIED,
            "not authorized",
        ),
        (
            "/other.Service/Do",
            UNIMPLEMENTED,
            "/other.Service/Do is not a method of this node",
        ),
    ] {
        let reply = call(path).await;
        assert_eq!(reply.status(), status, "{path}");
        assert_eq!(reply.headers["grpc-message"], text);
    }
    let page = client.get("/").await;
    assert_eq!(page.status(), 415);
}

#[tokio::test]
async fn a_component_that_ends_in_the_middle_is_told_of() {
    let node = Node::start(|_| async { component::answer([Part::Data(message(10)), Part::Break]) });
    let client = node.connect().await;
    let reply = client.call(VERSION, &[], vec![message(0)]).await;
    assert_eq!(reply.body, message(10));
    assert_eq!(reply.status(), UNAVAILABLE);
    assert!(reply.trailers.contains_key("grpc-message"));
}

#[tokio::test]
async fn a_component_that_is_not_there_is_waited_for_a_little() {
    let mut node = Node::start(empty);
    let client = node.connect().await;
    let call = || client.call(VERSION, &[], vec![message(0)]);
    assert_eq!(call().await.status(), "0");
    node.stop_component().await;
    let begun = Instant::now();
    // They wait at the same time, not one after the other.
    let (first, second, third) = tokio::join!(call(), call(), call());
    for reply in [first, second, third] {
        assert_eq!(reply.status(), UNAVAILABLE);
    }
    assert!(begun.elapsed() < Duration::from_secs(9));
    let (reply, ()) = tokio::join!(call(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        node.start_component(empty);
    });
    assert_eq!(reply.status(), "0");
}

#[tokio::test]
async fn calls_end_before_apid_does() {
    let (entered, mut inside) = mpsc::channel::<()>(1);
    let mut node = Node::start(move |request| {
        let entered = entered.clone();
        async move {
            entered.send(()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
            empty(request).await
        }
    });
    let client = node.connect().await;
    let (reply, ()) = tokio::join!(client.call(VERSION, &[], vec![message(0)]), async {
        inside.recv().await;
        node.stop();
    });
    assert_eq!(reply.status(), "0");
    node.ended().await;
    let refused: Result<Reply, _> = client.try_call(VERSION, &[]).await;
    assert!(refused.is_err(), "the connection has ended");
}

#[tokio::test]
async fn an_endless_call_does_not_keep_apid_from_its_end() {
    let mut node = Node::start(|_| async { component::endless() });
    let client = node.connect().await;
    let _unread = client.open(EVENTS).await;
    let begun = Instant::now();
    node.stop();
    node.ended().await;
    assert!(begun.elapsed() < Duration::from_secs(6));
}
