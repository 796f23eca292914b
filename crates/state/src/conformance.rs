//! What every state must do, as one suite for all of them.
//!
//! A test calls [`run`] with an empty state in which [`TYPE`] may be written.

mod watching;
mod writing;

use std::sync::Arc;

use futures_util::StreamExt;
use ichor_resource::specs::runtime::Environment;
use ichor_resource::{AnyResource, Kind, Pointer, Resource, Spec};

use crate::{Event, State, StateError, Watch};

/// The type that the suite writes.
pub const TYPE: &str = Environment::TYPE;

/// What a state does other than it must.
#[derive(Debug, thiserror::Error)]
#[error("{case}: {what}")]
pub struct Failure {
    case: &'static str,
    what: String,
}

type Outcome = Result<(), Wrong>;

/// What a case found wrong.
struct Wrong(String);

impl From<StateError> for Wrong {
    fn from(error: StateError) -> Self {
        Self(format!("unexpected error: {error}"))
    }
}

macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Wrong(format!($($text)+)));
        }
    };
}
use ensure;

/// Runs every case against a state that has no resource of [`TYPE`].
///
/// # Errors
/// The first [`Failure`].
pub async fn run(state: Arc<dyn State>) -> Result<(), Failure> {
    macro_rules! cases {
        ($($module:ident::$case:ident),* $(,)?) => {$(
            // A namespace for each case keeps them apart.
            let stage = Stage { state: Arc::clone(&state), namespace: stringify!($case) };
            $module::$case(&stage).await.map_err(|wrong| Failure {
                case: stringify!($case),
                what: wrong.0,
            })?;
        )*};
    }
    cases! {
        writing::create_get_and_list,
        writing::update_checks_version_owner_and_phase,
        writing::teardown_and_destroy,
        writing::a_resource_made_anew_is_another,
        writing::queries_select,
        watching::one_resource,
        watching::one_absent_resource,
        watching::a_kind_with_its_contents,
        watching::a_kind_from_now_on,
        watching::a_query_turns_updates_round,
        watching::bookmarks_resume,
        watching::bookmarks_go_with_every_start,
        watching::tails_repeat,
        watching::bad_bookmarks_are_refused,
        watching::bookmarks_of_another_kind_are_refused,
    }
    Ok(())
}

/// A place for one case.
struct Stage {
    state: Arc<dyn State>,
    namespace: &'static str,
}

impl Stage {
    fn kind(&self) -> Kind {
        Kind {
            namespace: self.namespace.into(),
            type_name: TYPE.into(),
        }
    }

    fn at(&self, id: &str) -> Pointer {
        Pointer {
            kind: self.kind(),
            id: id.to_owned(),
        }
    }

    fn resource(&self, id: &str, text: &str) -> AnyResource {
        let variables = vec![text.to_owned()];
        Resource::new(id, Environment { variables })
            .in_namespace(self.namespace)
            .into()
    }

    async fn create(&self, id: &str) -> Result<AnyResource, StateError> {
        self.state.create(self.resource(id, "first"), "owner").await
    }

    async fn update(&self, stored: &AnyResource, text: &str) -> Result<AnyResource, StateError> {
        let mut new = self.resource(&stored.metadata.id, text);
        new.metadata = Arc::clone(&stored.metadata);
        self.state.update(new, "owner", None).await
    }
}

/// The next `count` events.
async fn take(watch: &mut Watch, count: usize) -> Result<Vec<Event>, Wrong> {
    let mut events = Vec::new();
    while events.len() < count {
        match watch.next().await {
            Some(batch) if batch.is_empty() => return Err(Wrong("an empty batch".into())),
            Some(batch) => events.extend(batch),
            None => return Err(Wrong(format!("the watch ended after {events:?}"))),
        }
    }
    ensure!(
        events.len() == count,
        "more than {count} events: {events:?}"
    );
    Ok(events)
}

/// Kind, id and version of an event, such as `created a 1`.
fn short(event: &Event) -> String {
    let (name, resource) = match event {
        Event::Created(resource, _) => ("created", resource),
        Event::Updated { new, .. } => ("updated", new),
        Event::Destroyed(resource, _) => ("destroyed", resource),
        Event::Bootstrapped(resource, _) => ("bootstrapped", resource),
        Event::Noop(resource, _) => ("noop", resource),
        Event::Errored(text) => return format!("errored {text}"),
    };
    let tombstone = if resource.spec.is_none() {
        " tombstone"
    } else {
        ""
    };
    let (id, version) = (&resource.metadata.id, resource.metadata.version);
    format!("{name} {id} {version}{tombstone}")
}

fn shorts(events: &[Event]) -> Vec<String> {
    events.iter().map(short).collect()
}

/// The position that an event carries.
fn bookmark(event: &Event) -> bytes::Bytes {
    match event {
        Event::Created(_, bookmark)
        | Event::Updated { bookmark, .. }
        | Event::Destroyed(_, bookmark)
        | Event::Bootstrapped(_, bookmark)
        | Event::Noop(_, bookmark) => bookmark.clone(),
        Event::Errored(_) => bytes::Bytes::new(),
    }
}

#[cfg(test)]
mod tests;
