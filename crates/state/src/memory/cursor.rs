//! One watcher: a position in the history of a collection.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use ichor_resource::{AnyResource, Kind, Metadata, Pointer};

use super::Session;
use super::collection::Collection;
use super::history::Change;
use crate::{Event, Matcher, StateError, Watch, WatchOptions, WatchStart, WatchTarget};

/// How many events one batch has at most.
const BATCH: usize = 128;

/// Establishes a watch: everything after this call is seen.
pub(super) fn open(
    collection: Arc<Collection>,
    session: Session,
    target: WatchTarget,
    options: &WatchOptions,
) -> Result<Watch, StateError> {
    let wanted = Wanted::new(target)?;
    let (position, mut opening) = wanted.open(&collection, session, &options.start)?;
    if let Wanted::Kind(kind, _) = &wanted
        && options.bookmark
    {
        opening.push(Event::Noop(tombstone(kind, ""), mark(session, position)));
    }
    let cursor = Cursor {
        collection,
        session,
        wanted,
        position,
        opening: opening.into_iter(),
        failed: false,
    };
    Ok(Box::pin(stream::unfold(cursor, Cursor::next)))
}

struct Cursor {
    collection: Arc<Collection>,
    session: Session,
    wanted: Wanted,
    position: u64,
    opening: std::vec::IntoIter<Event>,
    failed: bool,
}

impl Cursor {
    async fn next(mut self) -> Option<(Vec<Event>, Self)> {
        let opening: Vec<Event> = self.opening.by_ref().take(BATCH).collect();
        if !opening.is_empty() {
            return Some((opening, self));
        }
        // What the watch began with may be large and is not needed again.
        self.opening = Vec::new().into_iter();
        let collection = Arc::clone(&self.collection);
        while !self.failed {
            // Made before the history is read: a change in between completes it.
            let changed = collection.changed.notified();
            let (batch, read_all) = self.read();
            if !batch.is_empty() {
                return Some((batch, self));
            }
            if read_all {
                changed.await;
            }
        }
        None
    }

    /// The wanted ones among the next changes, and whether that were all changes.
    fn read(&mut self) -> (Vec<Event>, bool) {
        let contents = self.collection.lock();
        let history = &contents.history;
        if !history.covers(self.position) {
            self.failed = true;
            let text = "the watcher fell behind by more changes than are kept".to_owned();
            return (vec![Event::Errored(text)], true);
        }
        let changes: Vec<Change> = history.after(self.position).take(BATCH).cloned().collect();
        let end = history.end();
        // Writers do not wait for the comparing.
        drop(contents);
        let mut batch = Vec::new();
        for change in &changes {
            self.position += 1;
            let bookmark = || mark(self.session, self.position);
            batch.extend(self.wanted.event(change, bookmark));
        }
        (batch, self.position == end)
    }
}

/// What a watcher asked for.
enum Wanted {
    One(Pointer),
    Kind(Kind, Matcher),
}

impl Wanted {
    fn new(target: WatchTarget) -> Result<Self, StateError> {
        Ok(match target {
            WatchTarget::One(pointer) => Self::One(pointer),
            WatchTarget::Kind(kind, query) => Self::Kind(kind, Matcher::new(&query)?),
        })
    }

    fn matches(&self, resource: &AnyResource) -> bool {
        match self {
            Self::One(pointer) => pointer.id == resource.metadata.id,
            Self::Kind(_, matcher) => matcher.matches(resource),
        }
    }

    /// The position to begin at and the events that come first.
    fn open(
        &self,
        collection: &Collection,
        session: Session,
        start: &WatchStart,
    ) -> Result<(u64, Vec<Event>), StateError> {
        let contents = collection.lock();
        let history = &contents.history;
        let end = history.end();
        let here = || mark(session, end);
        Ok(match (self, start) {
            (_, WatchStart::Tail(count)) => {
                let history = history.clone();
                drop(contents);
                let wanted = |change: &Change| self.event(change, Bytes::new).is_some();
                (history.tail(*count, wanted), Vec::new())
            }
            (_, WatchStart::After(bookmark)) => {
                let position = position(session, bookmark)
                    .filter(|position| history.covers(*position))
                    .ok_or(StateError::InvalidBookmark)?;
                (position, Vec::new())
            }
            (Self::One(pointer), _) => {
                let first = match contents.find(&pointer.id) {
                    Some(resource) => Event::Created(resource.clone(), here()),
                    None => Event::Destroyed(tombstone(&pointer.kind, &pointer.id), here()),
                };
                (end, vec![first])
            }
            (Self::Kind(..), WatchStart::Now) => (end, Vec::new()),
            (Self::Kind(kind, matcher), WatchStart::Contents) => {
                // Only the last of these has a position: after an earlier one, some are missing.
                let all = contents.all().into_iter();
                drop(contents);
                let created = |resource| Event::Created(resource, Bytes::new());
                let present = all.filter(|each| matcher.matches(each)).map(created);
                let done = Event::Bootstrapped(tombstone(kind, ""), here());
                (end, present.chain([done]).collect())
            }
        })
    }

    /// How the watcher sees a change: what comes to match is created, what ceases to is destroyed.
    fn event(&self, change: &Change, bookmark: impl FnOnce() -> Bytes) -> Option<Event> {
        match change {
            Change::Created(new) => self
                .matches(new)
                .then(|| Event::Created(new.clone(), bookmark())),
            Change::Destroyed(old) => self
                .matches(old)
                .then(|| Event::Destroyed(old.clone(), bookmark())),
            Change::Updated { new, old } => match (self.matches(old), self.matches(new)) {
                (true, true) => Some(Event::Updated {
                    new: new.clone(),
                    old: old.clone(),
                    bookmark: bookmark(),
                }),
                (false, true) => Some(Event::Created(new.clone(), bookmark())),
                (true, false) => Some(Event::Destroyed(new.clone(), bookmark())),
                (false, false) => None,
            },
        }
    }
}

fn tombstone(kind: &Kind, id: &str) -> AnyResource {
    AnyResource::tombstone(Metadata::new(kind.clone(), id))
}

/// A bookmark: the session, then the position, big-endian.
fn mark(session: Session, position: u64) -> Bytes {
    let mut bytes = [0; 16];
    let (head, tail) = bytes.split_at_mut(8);
    head.copy_from_slice(&session);
    tail.copy_from_slice(&position.to_be_bytes());
    Bytes::copy_from_slice(&bytes)
}

fn position(session: Session, bookmark: &[u8]) -> Option<u64> {
    let bytes: &[u8; 8] = bookmark.strip_prefix(&session)?.try_into().ok()?;
    Some(u64::from_be_bytes(*bytes))
}
