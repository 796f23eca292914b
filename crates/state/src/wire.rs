//! Between the types of this crate and the messages of `cosi.resource`.

mod status;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use ichor_api::cosi::resource as pb;
use ichor_resource::{
    AnyResource, EncodedSpec, Kind, Metadata, Phase, Pointer, SpecValue, Version, specs,
};
use jiff::Timestamp;

use crate::{Event, LabelOp, LabelQuery, LabelTerm, Query, StateError};

pub(crate) use status::{from_status, to_status};

/// How long a name may be: a namespace, a type, an id, an owner, a finalizer. They are parts of error
/// texts, which travel as headers.
const MAX_NAME_BYTES: usize = 1024;

/// A message does not say what it must.
fn invalid(field: &str, reason: impl std::fmt::Display) -> StateError {
    StateError::Invalid(format!("{field}: {reason}"))
}

/// A pointer of a request.
pub(crate) fn pointer(namespace: &str, type_name: &str, id: &str) -> Result<Pointer, StateError> {
    if id.is_empty() {
        return Err(invalid("id", "is empty"));
    }
    Ok(Pointer {
        kind: kind(namespace, type_name)?,
        id: name("id", id)?.to_owned(),
    })
}

/// Who asks.
pub(crate) fn owner(text: String) -> Result<String, StateError> {
    name("options.owner", text)
}

fn name<T: AsRef<str>>(field: &str, text: T) -> Result<T, StateError> {
    match text.as_ref().len() {
        0..=MAX_NAME_BYTES => Ok(text),
        _ => Err(invalid(
            field,
            format!("is longer than {MAX_NAME_BYTES} bytes"),
        )),
    }
}

/// A kind of a request.
pub(crate) fn kind(namespace: &str, type_name: &str) -> Result<Kind, StateError> {
    match (namespace, type_name) {
        ("", _) => Err(invalid("namespace", "is empty")),
        (_, "") => Err(invalid("type", "is empty")),
        _ => {
            let namespace = name("namespace", namespace)?;
            Ok(Kind::named(namespace, name("type", type_name)?))
        }
    }
}

/// How specs are written into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpecForms {
    /// As binary message and as YAML, for clients that show them to people.
    All,
    /// As binary message only, for components: YAML is most of the work, and nobody there reads it.
    Binary,
}

/// A tombstone has a spec message without content: clients refuse a missing one.
pub(crate) fn to_resource(resource: &AnyResource, forms: SpecForms) -> pb::Resource {
    with_spec(resource, forms, |spec| Cow::Borrowed(spec.encoded()))
}

/// What was there before an event: its forms are not kept for others.
fn to_former(resource: &AnyResource, forms: SpecForms) -> pb::Resource {
    with_spec(resource, forms, SpecValue::encoded_once)
}

fn with_spec(
    resource: &AnyResource,
    forms: SpecForms,
    encoded: impl Fn(&SpecValue) -> Cow<'_, EncodedSpec>,
) -> pb::Resource {
    let spec = resource.spec.as_ref().map(|spec| match forms {
        SpecForms::All => to_both(encoded(spec)),
        SpecForms::Binary => to_binary(spec),
    });
    pb::Resource {
        metadata: Some(to_metadata(&resource.metadata)),
        spec: Some(spec.unwrap_or_default()),
    }
}

/// What came with a YAML form keeps it: nobody else knows the type.
fn to_binary(spec: &SpecValue) -> pb::Spec {
    let proto_spec = spec.proto();
    // What has neither form would be taken for a tombstone.
    if proto_spec.is_empty() || spec.as_any().is::<EncodedSpec>() {
        return to_both(Cow::Borrowed(spec.encoded()));
    }
    pb::Spec {
        proto_spec,
        yaml_spec: String::new(),
    }
}

fn to_both(encoded: Cow<'_, EncodedSpec>) -> pb::Spec {
    let encoded = encoded.into_owned();
    pb::Spec {
        proto_spec: encoded.proto,
        yaml_spec: encoded.yaml,
    }
}

fn to_metadata(metadata: &Metadata) -> pb::Metadata {
    pb::Metadata {
        namespace: metadata.kind.namespace.clone().into_owned(),
        r#type: metadata.kind.type_name.clone().into_owned(),
        id: metadata.id.clone(),
        version: metadata.version.to_string(),
        owner: metadata.owner.clone(),
        phase: metadata.phase.as_str().to_owned(),
        created: Some(to_time(metadata.created)),
        updated: Some(to_time(metadata.updated)),
        finalizers: metadata.finalizers.clone(),
        annotations: metadata.annotations.clone().into_iter().collect(),
        labels: metadata.labels.clone().into_iter().collect(),
    }
}

/// A resource to be stored: its spec is of its type, when this is one that has a Rust type. So it
/// takes no memory for its YAML form, which then is the one that this side writes.
pub(crate) fn from_new_resource(wire: Option<pb::Resource>) -> Result<AnyResource, StateError> {
    let mut resource = from_resource(wire)?;
    if let Some(spec) = &resource.spec {
        let type_name = &resource.metadata.kind.type_name;
        match specs::decode(type_name, &spec.proto()) {
            Some(Ok(typed)) => resource.spec = Some(typed),
            Some(Err(error)) => return Err(invalid("resource.spec.proto_spec", error.source)),
            None => {}
        }
    }
    Ok(resource)
}

/// Any resource but a kind's tombstone has an id.
pub(crate) fn from_resource(wire: Option<pb::Resource>) -> Result<AnyResource, StateError> {
    let wire = wire.ok_or_else(|| invalid("resource", "is missing"))?;
    let metadata = wire
        .metadata
        .ok_or_else(|| invalid("resource.metadata", "is missing"))?;
    let encoded = |spec: pb::Spec| {
        SpecValue::new(EncodedSpec {
            proto: spec.proto_spec,
            yaml: spec.yaml_spec,
        })
    };
    // Even a spec without fields has a YAML form.
    let has_content = |spec: &pb::Spec| !(spec.proto_spec.is_empty() && spec.yaml_spec.is_empty());
    Ok(AnyResource {
        metadata: Arc::new(from_metadata(metadata)?),
        spec: wire.spec.filter(has_content).map(encoded),
    })
}

fn from_metadata(wire: pb::Metadata) -> Result<Metadata, StateError> {
    let finalizers = wire.finalizers.into_iter();
    let finalizers = finalizers.map(|finalizer| name("metadata.finalizers", finalizer));
    Ok(Metadata {
        kind: kind(&wire.namespace, &wire.r#type)?,
        id: name("metadata.id", wire.id)?,
        version: version(&wire.version)?,
        owner: name("metadata.owner", wire.owner)?,
        phase: phase(&wire.phase).map_err(|reason| invalid("metadata.phase", reason))?,
        finalizers: finalizers.collect::<Result<_, _>>()?,
        labels: wire.labels.into_iter().collect(),
        annotations: wire.annotations.into_iter().collect(),
        created: from_time("metadata.created", wire.created)?,
        updated: from_time("metadata.updated", wire.updated)?,
    })
}

fn version(text: &str) -> Result<Version, StateError> {
    match text {
        "" | "undefined" => Ok(Version::UNDEFINED),
        number => number
            .parse()
            .map(Version::new)
            .map_err(|error| invalid("metadata.version", format!("{number:?}: {error}"))),
    }
}

/// A phase by its text; an empty one is running.
pub(crate) fn phase(text: &str) -> Result<Phase, String> {
    match text {
        "" | "running" => Ok(Phase::Running),
        "tearingDown" => Ok(Phase::TearingDown),
        other => Err(format!("{other:?} is no phase")),
    }
}

fn to_time(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.as_second(),
        nanos: time.subsec_nanosecond(),
    }
}

fn from_time(field: &str, wire: Option<prost_types::Timestamp>) -> Result<Timestamp, StateError> {
    let wire = wire.unwrap_or_default();
    Timestamp::new(wire.seconds, wire.nanos).map_err(|error| invalid(field, error))
}

pub(crate) fn to_query(query: &Query) -> (Vec<pb::LabelQuery>, Option<pb::IdQuery>) {
    let to_terms = |labels: &LabelQuery| pb::LabelQuery {
        terms: labels.terms.iter().map(to_term).collect(),
    };
    let regexp = query.id_regexp.clone();
    (
        query.labels.iter().map(to_terms).collect(),
        regexp.map(|regexp| pb::IdQuery { regexp }),
    )
}

fn to_term(term: &LabelTerm) -> pb::LabelTerm {
    use pb::label_term::Operation;
    let op = match term.op {
        LabelOp::Exists => Operation::Exists,
        LabelOp::Equal => Operation::Equal,
        LabelOp::In => Operation::In,
        LabelOp::Less => Operation::Lt,
        LabelOp::LessOrEqual => Operation::Lte,
        LabelOp::LessNumeric => Operation::LtNumeric,
        LabelOp::LessOrEqualNumeric => Operation::LteNumeric,
    };
    pb::LabelTerm {
        key: term.key.clone(),
        op: op.into(),
        value: term.values.clone(),
        invert: term.invert,
    }
}

pub(crate) fn from_query(
    labels: Vec<pb::LabelQuery>,
    id: Option<pb::IdQuery>,
) -> Result<Query, StateError> {
    let from_terms = |labels: pb::LabelQuery| {
        let terms: Result<_, _> = labels.terms.into_iter().map(from_term).collect();
        Ok(LabelQuery { terms: terms? })
    };
    let labels: Result<_, StateError> = labels.into_iter().map(from_terms).collect();
    Ok(Query {
        labels: labels?,
        // An empty expression finds every id.
        id_regexp: id.map(|id| id.regexp).filter(|regexp| !regexp.is_empty()),
    })
}

#[expect(deprecated, reason = "old clients still send NOT_EXISTS")]
fn from_term(term: pb::LabelTerm) -> Result<LabelTerm, StateError> {
    use pb::label_term::Operation;
    let op =
        Operation::try_from(term.op).map_err(|error| invalid("label_query.terms.op", error))?;
    let (op, invert) = match op {
        Operation::Exists => (LabelOp::Exists, term.invert),
        Operation::NotExists => (LabelOp::Exists, !term.invert),
        Operation::Equal => (LabelOp::Equal, term.invert),
        Operation::In => (LabelOp::In, term.invert),
        Operation::Lt => (LabelOp::Less, term.invert),
        Operation::Lte => (LabelOp::LessOrEqual, term.invert),
        Operation::LtNumeric => (LabelOp::LessNumeric, term.invert),
        Operation::LteNumeric => (LabelOp::LessOrEqualNumeric, term.invert),
    };
    Ok(LabelTerm {
        key: term.key,
        op,
        values: term.value,
        invert,
    })
}

pub(crate) fn to_event(event: &Event, forms: SpecForms) -> pb::Event {
    let to_resource = |resource: &AnyResource| to_resource(resource, forms);
    let (kind, resource, old, bookmark, error) = match event {
        Event::Created(new, at) => (pb::EventType::Created, Some(new), None, Some(at), None),
        Event::Updated { new, old, bookmark } => (
            pb::EventType::Updated,
            Some(new),
            Some(old),
            Some(bookmark),
            None,
        ),
        Event::Destroyed(old, at) => (pb::EventType::Destroyed, Some(old), None, Some(at), None),
        Event::Bootstrapped(end, at) => {
            (pb::EventType::Bootstrapped, Some(end), None, Some(at), None)
        }
        Event::Noop(here, at) => (pb::EventType::Noop, Some(here), None, Some(at), None),
        Event::Errored(text) => (pb::EventType::Errored, None, None, None, Some(text)),
    };
    pb::Event {
        resource: resource.map(to_resource),
        old: old.map(|old| to_former(old, forms)),
        error: error.cloned(),
        event_type: kind.into(),
        bookmark: bookmark.filter(|bookmark| !bookmark.is_empty()).cloned(),
    }
}

pub(crate) fn from_event(wire: pb::Event) -> Result<Event, StateError> {
    let kind = wire.event_type();
    if kind == pb::EventType::Errored {
        return Ok(Event::Errored(wire.error.unwrap_or_default()));
    }
    let bookmark: Bytes = wire.bookmark.unwrap_or_default();
    let resource = from_resource(wire.resource)?;
    Ok(match kind {
        pb::EventType::Created => Event::Created(resource, bookmark),
        pb::EventType::Updated => Event::Updated {
            new: resource,
            old: from_resource(wire.old)?,
            bookmark,
        },
        pb::EventType::Destroyed => Event::Destroyed(resource, bookmark),
        pb::EventType::Bootstrapped => Event::Bootstrapped(resource, bookmark),
        pb::EventType::Noop => Event::Noop(resource, bookmark),
        pb::EventType::Errored => Event::Errored(wire.error.unwrap_or_default()),
    })
}
