//! What the fuzz tests call: requests and answers of `cosi.resource`.

use bytes::Bytes;
use futures_util::FutureExt;
use ichor_api::cosi::resource as pb;
use ichor_resource::specs::runtime::Environment;
use ichor_resource::{AnyResource, Resource, Spec};
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataValue;

use crate::server::watch::Watching;
use crate::wire::{
    SpecForms, from_event, from_new_resource, from_query, from_resource, from_status, kind, owner,
    pointer, to_event, to_query, to_resource, to_status,
};
use crate::{Matcher, MemoryState, State, StateError, WatchOptions, WatchStart, WatchTarget};

/// Longer names are cut off where they are told, and what follows them is lost. A byte that is no
/// text becomes three.
const TOLD_BYTES_MAX: usize = 600;

/// A resource to be stored.
pub fn resource(input: &[u8]) {
    let Ok(wire) = pb::Resource::decode(input) else {
        return;
    };
    let Ok(stored) = from_new_resource(Some(wire)) else {
        return;
    };
    for forms in [SpecForms::All, SpecForms::Binary] {
        let wire = to_resource(&stored, forms);
        let again = from_resource(Some(wire)).map(|again| again == stored);
        // What has neither form is a tombstone, and is not stored.
        assert!(stored.spec.is_none() || again == Ok(true), "{stored:?}");
    }
}

/// An event that a server sends.
pub fn event(input: &[u8]) {
    let Ok(wire) = pb::Event::decode(input) else {
        return;
    };
    if let Ok(event) = from_event(wire) {
        let again = from_event(to_event(&event, SpecForms::All));
        assert_eq!(again, Ok(event));
    }
}

/// Queries, names and requests to watch.
pub fn query(input: &[u8]) {
    if let Ok(names) = pb::GetRequest::decode(input) {
        let named = pointer(&names.namespace, &names.r#type, &names.id);
        assert!(named.is_err() || kind(&names.namespace, &names.r#type).is_ok());
        drop(owner(names.id));
    }
    if let Ok(request) = pb::WatchRequest::decode(input) {
        drop(Watching::parse(request));
    }
    let Ok(options) = pb::ListOptions::decode(input) else {
        return;
    };
    let Ok(query) = from_query(options.label_query, options.id_query) else {
        return;
    };
    let (labels, id) = to_query(&query);
    assert_eq!(from_query(labels, id).as_ref(), Ok(&query));
    let Ok(matcher) = Matcher::new(&query) else {
        return;
    };
    let mut resource = AnyResource::from(Resource::new("eth0", Environment::default()));
    matcher.matches(&resource);
    let metadata = std::sync::Arc::make_mut(&mut resource.metadata);
    for (value, term) in ["", "4GiB", "-1"]
        .iter()
        .zip(query.labels.iter().flat_map(|each| &each.terms))
    {
        metadata
            .labels
            .insert(term.key.clone(), (*value).to_owned());
    }
    matcher.matches(&resource);
}

/// A position that a client has kept.
pub fn bookmark(input: &[u8]) {
    let state = MemoryState::new();
    let target = WatchTarget::Kind(Environment::kind(), crate::Query::default());
    let options = WatchOptions {
        start: WatchStart::After(Bytes::copy_from_slice(input)),
        ..WatchOptions::default()
    };
    let refused = state.watch(target, options).now_or_never();
    assert!(refused.is_some_and(|watch| watch.is_err()), "{input:?}");
}

/// The trailer that says which error it was.
pub fn status(input: &[u8]) {
    let mut status = Status::internal("x");
    let value = MetadataValue::from_bytes(input);
    status
        .metadata_mut()
        .insert_bin("ichor-state-error-bin", value);
    let error = from_status(&status, || Environment::pointer("a"));
    let again = from_status(&to_status(error.clone()), || Environment::pointer("a"));
    // What the transport says gets a text before it each time.
    let is_transport = matches!(error, StateError::Transport(_));
    if input.len() <= TOLD_BYTES_MAX && !is_transport {
        assert_eq!(again, error);
    }
}
