use std::io::ErrorKind;

use ichor_client::NodeAddress;

use super::*;

fn node() -> NodeAddress {
    "10.5.0.2".parse().unwrap()
}

#[test]
fn errors_of_connecting_say_what_to_do() {
    let tcp = |kind: ErrorKind, text: &str| ConnectError::Tcp {
        node: node(),
        source: io::Error::new(kind, text.to_owned()),
    };
    let handshake = |kind: ErrorKind, text: &str| ConnectError::Handshake {
        node: node(),
        source: io::Error::new(kind, text.to_owned()),
    };
    let cases = [
        (
            tcp(ErrorKind::ConnectionRefused, "Connection refused"),
            "connect to 10.5.0.2:50000: Connection refused; check that the node is up, and that \
             the port is the one of its API (50000)",
        ),
        (
            tcp(ErrorKind::HostUnreachable, "No route to host"),
            "connect to 10.5.0.2:50000: No route to host; check the address, and the routes of \
             this computer",
        ),
        (
            tcp(ErrorKind::TimedOut, "Connection timed out"),
            "connect to 10.5.0.2:50000: Connection timed out; check the address, and that no \
             firewall is on the way to it",
        ),
        (
            ConnectError::Silent {
                node: node(),
                waited: std::time::Duration::from_secs(10),
            },
            "10.5.0.2:50000 has not answered within 10 s; check the address, and that no firewall \
             is on the way to it",
        ),
        (
            ConnectError::Lookup {
                node: "nod-1".parse().unwrap(),
                source: io::Error::other("no such name"),
            },
            "look up \"nod-1\": no such name; check the name, or write an address",
        ),
        (
            handshake(ErrorKind::UnexpectedEof, "tls handshake eof"),
            "agree on TLS with 10.5.0.2:50000: tls handshake eof; the node may still be starting: \
             try again in some seconds",
        ),
        (
            handshake(ErrorKind::InvalidData, "corrupt message"),
            "agree on TLS with 10.5.0.2:50000: corrupt message; check that the port is the one of \
             the node's API (50000)",
        ),
        (
            ConnectError::Fingerprint {
                node: node(),
                found: "AAA=".into(),
                accepted: vec!["BBB=".into(), "CCC=".into()],
            },
            "the certificate of 10.5.0.2:50000 has the fingerprint AAA=, and --cert-fingerprint \
             accepts BBB= or CCC=; accept it only if the node's console shows the same",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(connect(&error).to_string(), expected);
    }
}

#[test]
fn errors_of_calls_name_the_call_and_the_code() {
    let cases = [
        (
            Status::unavailable("machined does not answer, try again"),
            "X: UNAVAILABLE: machined does not answer, try again",
        ),
        (
            Status::unavailable("machined ended"),
            "X: UNAVAILABLE: machined ended; try again",
        ),
        (
            Status::unimplemented("X is not implemented yet, nothing was done"),
            "X: UNIMPLEMENTED: X is not implemented yet, nothing was done; docs/api.md lists what nodes \
             can do",
        ),
        (
            Status::unimplemented("this node has no storaged"),
            "X: UNIMPLEMENTED: this node has no storaged; docs/api.md lists what nodes can do",
        ),
        (
            Status::permission_denied("not authorized"),
            "X: PERMISSION_DENIED: not authorized; a node in maintenance mode only lets itself be \
             read",
        ),
        (
            Status::not_found("/x: no such file"),
            "X: NOT_FOUND: /x: no such file",
        ),
        (
            Status::deadline_exceeded(""),
            "X: DEADLINE_EXCEEDED; the node is slow or stuck: try again",
        ),
        (
            Status::internal("two\nlines\u{1b}[2J"),
            "X: INTERNAL: two lines [2J",
        ),
    ];
    for (status, expected) in cases {
        assert_eq!(called("X")(status).to_string(), expected);
    }
}

#[test]
fn a_connection_that_breaks_is_no_answer() {
    let broken = |cause: &str| {
        let cause = io::Error::new(ErrorKind::BrokenPipe, cause.to_owned());
        called("X")(Status::from_error(Box::new(cause))).to_string()
    };
    assert_eq!(
        broken("stream closed"),
        "X: the connection broke: stream closed; the node may be going down: try again"
    );
    assert_eq!(
        broken("received fatal alert: CertificateRequired"),
        "X: the node asks for a client certificate, so it is not in maintenance mode any more; \
         certificates of one's own are not implemented yet"
    );
}

#[test]
fn a_cause_is_said_once() {
    let error = anyhow::anyhow!("inner").context("outer: inner");
    assert_eq!(chain(error.as_ref()), "outer: inner");
    assert_eq!(one_line(&anyhow::anyhow!("a\nb")), "a b");
}
