//! What happens on the node, as events that clients follow.
//!
//! The last thousand are kept. Followers keep no queue: each remembers a position and reads the
//! ring; one that is too slow goes on with the oldest that is left.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use ichor_api::machine::Event;
use prost::Message;
use prost_types::Any;
use tokio::sync::Notify;

use id::{Id, Source};

mod id;

/// How many events are kept.
const EVENTS_MAX: usize = 1000;

/// The events of a node. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    ring: Mutex<Ring>,
    grown: Notify,
}

#[derive(Debug)]
struct Ring {
    ids: Source,
    kept: VecDeque<(Id, Event)>,
    /// How many there were before those that are kept.
    dropped: u64,
}

/// Where a follower begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// With the next event.
    None,
    /// With all that are kept.
    All,
    /// With the last so many.
    Count(usize),
    /// After the event of this id.
    After(String),
    /// With those of so long ago.
    Since(Duration),
}

impl Events {
    pub(crate) fn new() -> Self {
        let ring = Ring {
            ids: Source::new(),
            kept: VecDeque::new(),
            dropped: 0,
        };
        Self {
            inner: Arc::new(Inner {
                ring: Mutex::new(ring),
                grown: Notify::new(),
            }),
        }
    }

    /// Adds an event: `name` is the name of the message in the package `machine`.
    pub(crate) fn publish(&self, name: &str, payload: &impl Message) {
        {
            let mut ring = self.ring();
            let id = ring.ids.next(SystemTime::now());
            let event = Event {
                metadata: None,
                data: Some(Any {
                    type_url: format!("talos/runtime/machine.{name}"),
                    value: payload.encode_to_vec(),
                }),
                id: id.to_string(),
                actor_id: String::new(),
            };
            if ring.kept.len() == EVENTS_MAX {
                ring.kept.pop_front();
                ring.dropped += 1;
            }
            ring.kept.push_back((id, event));
        }
        self.inner.grown.notify_waiters();
    }

    /// The position from which a follower reads.
    pub(crate) fn start(&self, tail: &Tail) -> u64 {
        let ring = self.ring();
        let kept = ring.kept.len();
        let skip = match tail {
            Tail::None => kept,
            Tail::All => 0,
            Tail::Count(count) => kept.saturating_sub(*count),
            Tail::After(id) => ring.kept.partition_point(|(_, event)| event.id <= *id),
            Tail::Since(age) => {
                let since = SystemTime::now().checked_sub(*age);
                let since = since.unwrap_or(SystemTime::UNIX_EPOCH);
                ring.kept.partition_point(|(id, _)| id.time() < since)
            }
        };
        ring.dropped + skip as u64
    }

    /// The events after a position, and the position after them.
    pub(crate) fn read(&self, position: u64) -> (Vec<Event>, u64) {
        let ring = self.ring();
        let skip = usize::try_from(position.saturating_sub(ring.dropped)).unwrap_or(usize::MAX);
        let events = ring.kept.iter().skip(skip).map(|(_, event)| event.clone());
        (events.collect(), ring.dropped + ring.kept.len() as u64)
    }

    /// Returns when there is something after a position.
    pub(crate) async fn wait(&self, position: u64) {
        loop {
            let grown = self.inner.grown.notified();
            let end = {
                let ring = self.ring();
                ring.dropped + ring.kept.len() as u64
            };
            if end > position {
                return;
            }
            grown.await;
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.inner
            .ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(events: &Events, count: usize) {
        for number in 0..count {
            events.publish("TaskEvent", &number.to_string());
        }
    }

    #[test]
    fn keeps_the_last_thousand_in_order() {
        let events = Events::new();
        publish(&events, 1500);
        let (all, end) = events.read(0);
        assert_eq!((all.len(), end), (EVENTS_MAX, 1500));
        assert!(all.is_sorted_by(|a, b| a.id < b.id));
        assert_eq!(
            all[0].data.as_ref().unwrap().type_url,
            "talos/runtime/machine.TaskEvent"
        );
    }

    #[test]
    fn every_kind_of_tail_begins_where_it_should() {
        let events = Events::new();
        publish(&events, 10);
        let count = |tail: Tail| events.read(events.start(&tail)).0.len();
        let third = events.read(0).0[2].id.clone();
        assert_eq!(count(Tail::None), 0);
        assert_eq!(count(Tail::All), 10);
        assert_eq!(count(Tail::Count(3)), 3);
        assert_eq!(count(Tail::Count(30)), 10);
        assert_eq!(count(Tail::After(third)), 7);
        assert_eq!(count(Tail::Since(Duration::from_secs(60))), 10);
    }
}
