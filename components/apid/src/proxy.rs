//! One call: decided, cleaned, passed on.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use hyper::body::Incoming;
use tracing::warn;

use crate::access::{self, Verdict};
use crate::body::{self, PassedOn};
use crate::call::{Call, Counters};
use crate::reply::{Code, not_grpc, status};
use crate::routes::Routes;
use crate::source::Source;

/// Headers that only a node may set: whoever calls from outside cannot give themselves roles, nor
/// choose another node while there is nobody who could vouch for them.
const STRIPPED: &[&str] = &["talos-role", "proxyfrom", "node", "nodes"];

/// What every call of a connection needs.
#[derive(Clone, Debug)]
pub(crate) struct Calling {
    pub(crate) source: Source,
    pub(crate) counters: Arc<Counters>,
    pub(crate) routes: Arc<Routes>,
}

/// Answers a call.
pub(crate) async fn call(request: Request<Incoming>, calling: &Calling) -> Response<PassedOn> {
    if !is_grpc(&request) {
        return not_grpc();
    }
    let path = request.uri().path();
    let kind = match access::in_maintenance(path) {
        Verdict::Allowed(kind) => kind,
        Verdict::Denied => return status(Code::PermissionDenied, "not authorized"),
        Verdict::Unknown => {
            let text = format!("{path} is not a method of this node");
            return status(Code::Unimplemented, &text);
        }
    };
    let backend = match calling.routes.find(path) {
        Ok(backend) => backend,
        Err(component) => {
            let text = format!("this node has no {component}, which serves {path}");
            return status(Code::Unimplemented, &text);
        }
    };
    let call = Call::current();
    if !call.admit(calling.source, &calling.counters) {
        let text = "too many calls at the same time from this address";
        return status(Code::ResourceExhausted, text);
    }
    let (mut parts, sent) = request.into_parts();
    clean(&mut parts.headers);
    // The authority of the outside means nothing on a unix socket.
    let local = format!("http://node{}", parts.uri.path());
    let Ok(uri) = local.parse::<Uri>() else {
        return status(Code::Unimplemented, "the path of the method is not valid");
    };
    parts.uri = uri;
    let sent = body::sent(sent, kind, &call, calling.source, &calling.counters);
    let outgoing = Request::from_parts(parts, sent);
    match backend.call(calling.source, outgoing).await {
        Ok(response) => response.map(|answer| body::answered(answer, call)),
        Err(error) => {
            if let Some(problem) = call.problem() {
                return status(problem.code(), problem.text());
            }
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            warn!(%error, cause, "a call could not be passed on");
            status(Code::Unavailable, &format!("{error}, try again"))
        }
    }
}

fn is_grpc(request: &Request<Incoming>) -> bool {
    let kind = request.headers().get("content-type");
    request.method() == Method::POST
        && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn clean(headers: &mut HeaderMap) {
    for name in STRIPPED {
        headers.remove(*name);
    }
    let role = HeaderValue::from_static(access::MAINTENANCE_ROLE.name());
    headers.insert("talos-role", role);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_themselves_a_role() {
        let mut headers = HeaderMap::new();
        headers.append("talos-role", HeaderValue::from_static("os:admin"));
        headers.append("talos-role", HeaderValue::from_static("os:impersonator"));
        headers.insert("proxyfrom", HeaderValue::from_static("x"));
        headers.insert("nodes", HeaderValue::from_static("10.0.0.1"));
        clean(&mut headers);
        let roles: Vec<_> = headers.get_all("talos-role").iter().collect();
        assert_eq!(roles, ["os:reader"]);
        assert_eq!(headers.len(), 1);
    }
}
