//! What one caller may take.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ichor_client::insecure_tls;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::component::{self, Part, empty, message, trailers};
use crate::node::{APPLY, EVENTS, Node, VERSION};

const RESOURCE_EXHAUSTED: &str = "8";

#[tokio::test]
async fn an_endless_answer_that_nobody_reads_holds_up_no_other() {
    let node = Node::start(|request| async move {
        match request.uri().path() {
            EVENTS => component::endless(),
            _ => empty(request).await,
        }
    });
    let client = node.connect().await;
    let mut unread = Vec::new();
    for _ in 0..100 {
        unread.push(client.open(EVENTS).await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    let reply = client.call(VERSION, &[], vec![message(0)]).await;
    assert_eq!(reply.status(), "0");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn one_source_has_a_limit_of_connections() {
    let node = Node::start(empty);
    let mut clients = Vec::new();
    for _ in 0..512 {
        clients.push(node.connect().await);
    }
    let refused = node.connect().await;
    assert!(refused.try_call(VERSION, &[]).await.is_err());
    let another = node.connect_from([127, 0, 0, 9].into()).await;
    for client in [&another, &clients[0], &clients[511]] {
        let reply = client.call(VERSION, &[], vec![message(0)]).await;
        assert_eq!(reply.status(), "0");
    }
}

/// A client that gave up before its connection was accepted, as after an outage.
#[tokio::test]
async fn who_has_left_gets_no_handshake() {
    let node = Node::start(empty);
    // Nothing of apid runs between these: the test does not wait.
    let mut hello = Vec::new();
    let mut tls = rustls::ClientConnection::new(
        Arc::new(insecure_tls(&[]).unwrap()),
        "node".try_into().unwrap(),
    )
    .unwrap();
    tls.write_tls(&mut hello).unwrap();
    let mut client = std::net::TcpStream::connect(node.address()).unwrap();
    client.write_all(&hello).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    client.set_nonblocking(true).unwrap();
    let mut client = TcpStream::from_std(client).unwrap();
    let mut said = Vec::new();
    // The system may tell of what apid has not read by a reset.
    let _ended = client.read_to_end(&mut said).await;
    assert!(said.is_empty(), "{} bytes for nobody", said.len());
}

#[tokio::test]
async fn one_source_has_a_limit_of_calls() {
    let node = Node::start(|request| async move {
        match request.uri().path() {
            EVENTS => component::endless(),
            _ => empty(request).await,
        }
    });
    let mut clients = Vec::new();
    let mut unread = Vec::new();
    for _ in 0..3 {
        let client = node.connect().await;
        for _ in 0..86 {
            unread.push(client.open(EVENTS).await);
        }
        clients.push(client);
    }
    let refused = unread.iter().filter(|response| {
        let status = response.headers().get("grpc-status");
        status.is_some_and(|status| status == RESOURCE_EXHAUSTED)
    });
    assert_eq!(refused.count(), 2);
    let another = node.connect_from([127, 0, 0, 9].into()).await;
    let reply = another.call(VERSION, &[], vec![message(0)]).await;
    assert_eq!(reply.status(), "0");
}

#[tokio::test]
async fn a_message_has_a_limit() {
    let (seen, mut sizes) = mpsc::channel(8);
    let node = Node::start(move |request| {
        let seen = seen.clone();
        async move {
            let sent = component::collect(request.into_body()).await;
            seen.send(sent.len()).await.unwrap();
            component::answer([Part::Data(message(0)), Part::Trailers(trailers("0"))])
        }
    });
    let client = node.connect().await;
    let largest = 32 << 20;
    let reply = client.call(APPLY, &[], vec![message(largest)]).await;
    assert_eq!(reply.status(), "0");
    assert_eq!(sizes.recv().await, Some(5 + largest as usize));
    // Refused by the length alone: of the message itself little is ever sent.
    let mut over = message(0).to_vec();
    over[1..].copy_from_slice(&(largest + 1).to_be_bytes());
    let reply = client.call(APPLY, &[], vec![Bytes::from(over)]).await;
    assert_eq!(reply.status(), RESOURCE_EXHAUSTED);
    assert_eq!(reply.text(), "a message may have 32 MiB");
}

#[tokio::test]
async fn large_messages_are_few_at_the_same_time() {
    let node = Node::start(|request| async move {
        component::collect(request.into_body()).await;
        component::answer([Part::Data(message(0)), Part::Trailers(trailers("0"))])
    });
    let client = node.connect().await;
    let begin = |size: u32| message(size).slice(..1000);
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(client.send_slowly(APPLY, begin(1 << 20)).await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let reply = client.call(APPLY, &[], vec![message(1 << 20)]).await;
    assert_eq!(reply.status(), RESOURCE_EXHAUSTED);
    let reply = client.call(APPLY, &[], vec![message(60_000)]).await;
    assert_eq!(reply.status(), "0");
    drop(held);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let reply = client.call(APPLY, &[], vec![message(1 << 20)]).await;
    assert_eq!(reply.status(), "0");
}

#[tokio::test]
async fn headers_have_a_limit() {
    let node = Node::start(empty);
    let client = node.connect().await;
    let long = "x".repeat(20_000);
    let refused = client.try_call(VERSION, &[("long", &long)]).await;
    let is_refused = match refused {
        Ok(reply) => reply.code == 431,
        Err(_ended) => true,
    };
    assert!(is_refused);
    let reply = node
        .connect()
        .await
        .call(VERSION, &[], vec![message(0)])
        .await;
    assert_eq!(reply.status(), "0");
}
