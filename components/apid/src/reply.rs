//! Answers that apid gives itself: a gRPC status without a message.

use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Empty};

use crate::body::PassedOn;

/// gRPC status codes that apid answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    DeadlineExceeded = 4,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
}

/// A "trailers-only" answer: headers that end the stream.
///
/// Source: gRPC over HTTP/2, section Responses.
pub(crate) fn status(code: Code, message: &str) -> Response<PassedOn> {
    let mut response = Response::new(empty());
    let headers = response.headers_mut();
    *headers = trailers(code, message);
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// What ends a stream of answers.
pub(crate) fn trailers(code: Code, message: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", HeaderValue::from(code as u16));
    if let Ok(value) = HeaderValue::from_str(&percent_encode(message)) {
        headers.insert("grpc-message", value);
    }
    headers
}

/// The answer to what is no gRPC call.
///
/// Source: gRPC over HTTP/2, section Requests, Content-Type.
pub(crate) fn not_grpc() -> Response<PassedOn> {
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

fn empty() -> PassedOn {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Everything but printable ASCII is encoded, and the percent sign.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_complete_without_a_body() {
        let response = status(Code::PermissionDenied, "not authorized: 100 %\n");
        assert_eq!(response.headers()["grpc-status"], "7");
        assert_eq!(
            response.headers()["grpc-message"],
            "not authorized: 100 %25%0A"
        );
        assert_eq!(response.headers()["content-type"], "application/grpc");
    }
}
