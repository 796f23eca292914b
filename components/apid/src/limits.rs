//! What keeps apid alive under abuse. Each number bounds memory or time.

use std::time::Duration;

/// Connections at the same time, from everywhere.
pub(crate) const CONNECTIONS_MAX: usize = 4096;
/// How long a client may take for the TLS handshake.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
/// Calls at the same time on one connection.
pub(crate) const STREAMS_MAX: u32 = 128;
/// Headers of one call, in bytes.
pub(crate) const HEADERS_MAX: u32 = 16 * 1024;
/// Streams that a client may reset before it is served; more is an attack.
pub(crate) const RESETS_MAX: usize = 64;
/// What waits to be sent on one stream, in bytes.
pub(crate) const SEND_BUFFER: usize = 256 * 1024;
/// How often a silent peer is asked whether it is there, and how long it may take to answer.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(30);
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Flow-control windows: small enough that many slow streams stay cheap.
pub(crate) const STREAM_WINDOW: u32 = 256 * 1024;
pub(crate) const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How long a call waits for a component that is being restarted.
pub(crate) const RESTART: Duration = Duration::from_secs(5);
