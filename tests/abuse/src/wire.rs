//! Connections and frames, made by hand so that they can be wrong.
//!
//! Source: RFC 9113 (HTTP/2), RFC 7541 (HPACK).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ichor_client::insecure_tls;
use rustls::ClientConnection;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::component::{Call, SHORT};
use crate::random::Random;

/// How a client begins.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames.
pub mod kind {
    /// Of a message.
    pub const DATA: u8 = 0x0;
    /// The begin of a call.
    pub const HEADERS: u8 = 0x1;
    /// The end of a call, before its end.
    pub const RESET: u8 = 0x3;
    /// What a side wishes.
    pub const SETTINGS: u8 = 0x4;
    /// Are you there?
    pub const PING: u8 = 0x6;
    /// More may be sent.
    pub const WINDOW: u8 = 0x8;
    /// Headers that go on.
    pub const CONTINUATION: u8 = 0x9;
}

/// The call ends with this frame.
pub const END_STREAM: u8 = 0x1;
/// The block of headers ends with this frame.
pub const END_HEADERS: u8 = 0x4;

/// A frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let [_, length @ ..] = length.to_be_bytes();
    let mut bytes = length.to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The preface, and settings: the initial window of each stream.
#[must_use]
pub fn hello(window: u32) -> Vec<u8> {
    let mut setting = vec![0, 4];
    setting.extend(window.to_be_bytes());
    [PREFACE.to_vec(), frame(kind::SETTINGS, 0, 0, &setting)].concat()
}

/// The block of headers of a gRPC call, and more headers.
#[must_use]
pub fn headers(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    // `:method: POST` and `:scheme: https` are entries of the static table.
    let mut block = vec![0x83, 0x87];
    block.push(0x04); // :path
    text(&mut block, path);
    block.push(0x01); // :authority
    text(&mut block, "node");
    let own = [("content-type", "application/grpc"), ("te", "trailers")];
    for (name, value) in own.iter().chain(more) {
        block.push(0x00);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

/// A whole call.
#[must_use]
pub fn call(stream: u32, call: Call) -> Vec<u8> {
    let begin = frame(kind::HEADERS, END_HEADERS, stream, &headers(call.path, &[]));
    let length = u32::try_from(call.message.len()).unwrap_or(u32::MAX);
    let message = [&[0], &length.to_be_bytes()[..], call.message].concat();
    [begin, frame(kind::DATA, END_STREAM, stream, &message)].concat()
}

/// A string with its length, which has a prefix of seven bits.
fn text(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(length.to_le_bytes()[0]);
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push((length % 128).to_le_bytes()[0] | 128);
            length /= 128;
        }
        block.push(length.to_le_bytes()[0]);
    }
    block.extend(text.as_bytes());
}

/// The first words of a TLS handshake.
///
/// # Errors
/// When the TLS library refuses the settings.
pub fn client_hello() -> io::Result<Vec<u8>> {
    let config = insecure_tls(&[]).map_err(io::Error::other)?;
    let name = "node".try_into().map_err(io::Error::other)?;
    let mut hello = Vec::new();
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    connection.write_tls(&mut hello)?;
    Ok(hello)
}

/// Connects from an address.
///
/// # Errors
/// Those of the sockets.
pub async fn connect(source: Ipv4Addr, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(target).await
}

/// TLS on a connection.
///
/// # Errors
/// Those of TLS and of the connection.
pub async fn shake(
    connector: &TlsConnector,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = "node".try_into().map_err(io::Error::other)?;
    connector.connect(name, stream).await
}

/// What makes TLS connections.
///
/// # Errors
/// When the TLS library refuses the settings.
pub fn connector() -> io::Result<TlsConnector> {
    let config = insecure_tls(&[]).map_err(io::Error::other)?;
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What a client could say, with faults: bytes that are changed, left out or doubled, or frames of
/// chance. Most have a right preface, so that the faults are seen.
#[must_use]
pub fn mutated(random: &mut Random) -> Vec<u8> {
    let mut bytes = hello(65_535);
    if random.below(4) == 0 {
        for _ in 0..random.below(50) {
            let (kind, flags) = (random.below(12), random.below(256));
            let size = random.below(300);
            let payload = random.bytes(size);
            let stream = random.below(8).to_le_bytes()[0];
            bytes.extend(frame(
                kind.to_le_bytes()[0],
                flags.to_le_bytes()[0],
                stream.into(),
                &payload,
            ));
        }
        return bytes;
    }
    for number in 0..5_u32 {
        let stream = 2 * number + 1;
        bytes.extend(call(stream, SHORT));
        bytes.extend(frame(kind::PING, 0, 0, &[7; 8]));
        bytes.extend(frame(kind::WINDOW, 0, 0, &[0, 0, 1, 0]));
        bytes.extend(frame(kind::RESET, 0, stream, &[0, 0, 0, 8]));
    }
    let keep = if random.below(10) == 0 {
        0
    } else {
        PREFACE.len()
    };
    for _ in 0..=random.below(20) {
        let place = keep + random.below(bytes.len().saturating_sub(keep));
        match (random.below(4), bytes.get_mut(place)) {
            (0, Some(_)) => drop(bytes.remove(place)),
            (1, Some(_)) => bytes.insert(place, random.bytes(1).pop().unwrap_or_default()),
            (_, Some(byte)) => *byte = random.bytes(1).pop().unwrap_or_default(),
            (_, None) => {}
        }
    }
    if random.below(4) == 0 {
        bytes.truncate(keep + random.below(bytes.len().saturating_sub(keep)));
    }
    bytes
}
