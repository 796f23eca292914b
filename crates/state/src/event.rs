//! What a watch delivers.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use ichor_resource::{AnyResource, Kind, Pointer};

use crate::Query;

/// What is watched.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchTarget {
    /// One resource, whether it exists or not.
    One(Pointer),
    /// All resources of a kind that match.
    Kind(Kind, Query),
}

/// Where a watch begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum WatchStart {
    /// With the next change. (A watch of one resource always begins with its present value.)
    #[default]
    Now,
    /// With all present resources, then [`Event::Bootstrapped`], then changes.
    Contents,
    /// With the last `n` changes.
    Tail(usize),
    /// After a position that an earlier event carried.
    After(Bytes),
}

/// How to watch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WatchOptions {
    /// Where the watch begins.
    pub start: WatchStart,
    /// Whether a watch of a kind tells the position where it begins, with [`Event::Noop`] before the
    /// first change. (A watch of one resource begins with an event that tells it.)
    pub bookmark: bool,
}

/// A change of the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A resource was created, or came to match the query, or was there at the start.
    Created(AnyResource, Bytes),
    /// A resource was changed.
    Updated {
        /// After the change.
        new: AnyResource,
        /// Before it.
        old: AnyResource,
        /// Position after this event.
        bookmark: Bytes,
    },
    /// A resource was destroyed or does not match any more; for a watch of one absent resource a tombstone.
    Destroyed(AnyResource, Bytes),
    /// All present resources have been delivered. Carries a tombstone with the kind only.
    Bootstrapped(AnyResource, Bytes),
    /// Nothing changed; only tells the position.
    Noop(AnyResource, Bytes),
    /// The watch lost events or its connection, and ends.
    Errored(String),
}

/// Batches of events in order; never an empty batch. Ends after [`Event::Errored`].
pub type Watch = Pin<Box<dyn Stream<Item = Vec<Event>> + Send>>;
