//! The last changes of a collection.

use std::collections::VecDeque;

use ichor_resource::{AnyResource, SpecValue};

/// Where the ring begins to grow from.
const START_CAPACITY: usize = 8;
/// How many changes a watcher may fall behind.
pub(super) const MAX_CAPACITY: usize = 1024;
/// How long all resources of the changes may be. Both sides of an update count, so that one resource
/// that is updated again and again takes half of this.
const MAX_BYTES: usize = 8 << 20;

/// One change. Both sides are shared with the store.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Created(AnyResource),
    Updated { new: AnyResource, old: AnyResource },
    Destroyed(AnyResource),
}

impl Change {
    fn bytes(&self) -> usize {
        match self {
            Self::Created(only) | Self::Destroyed(only) => bytes(only),
            Self::Updated { new, old } => bytes(new) + bytes(old),
        }
    }
}

/// About how much memory a component makes this one take: a spec that was made in this process counts
/// as nothing, as it would have to be encoded to be measured.
fn bytes(resource: &AnyResource) -> usize {
    let metadata = &resource.metadata;
    let text = |text: &String| size_of::<String>() + text.len();
    let pairs = metadata.labels.iter().chain(&metadata.annotations);
    let pairs: usize = pairs.map(|(key, value)| text(key) + text(value)).sum();
    let finalizers: usize = metadata.finalizers.iter().map(text).sum();
    let spec = resource.spec.as_ref().map_or(0, SpecValue::wire_bytes);
    pairs + finalizers + spec
}

/// A ring of changes. A position is the number of changes that happened before it.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Each with its length: it has to be the same when the change goes.
    changes: VecDeque<(Change, usize)>,
    bytes: usize,
    end: u64,
}

impl History {
    pub(super) fn push(&mut self, change: Change) {
        if self.changes.is_empty() {
            self.changes.reserve_exact(START_CAPACITY);
        }
        let bytes = change.bytes();
        while self.is_full(bytes) {
            let Some((_, oldest)) = self.changes.pop_front() else {
                // A change is kept however long it is: watchers could not go on without it.
                break;
            };
            self.bytes -= oldest;
        }
        self.changes.push_back((change, bytes));
        self.bytes += bytes;
        self.end += 1;
    }

    /// Whether one more, of so many bytes, is too much.
    fn is_full(&self, bytes: usize) -> bool {
        self.changes.len() >= MAX_CAPACITY || self.bytes + bytes > MAX_BYTES
    }

    /// The position after the last change.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The position before the oldest change that is still known.
    pub(super) fn start(&self) -> u64 {
        self.end - self.changes.len() as u64
    }

    /// Whether all changes after `position` are known.
    pub(super) fn covers(&self, position: u64) -> bool {
        (self.start()..=self.end).contains(&position)
    }

    /// The changes after `position`, which is covered.
    pub(super) fn after(&self, position: u64) -> impl Iterator<Item = &Change> {
        let skip = position.saturating_sub(self.start());
        self.changes
            .iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
            .map(|(change, _)| change)
    }

    /// The position before the last `count` changes that are `wanted`, or before all known.
    pub(super) fn tail(&self, count: usize, wanted: impl Fn(&Change) -> bool) -> u64 {
        let mut position = self.end;
        let mut missing = count;
        for (change, _) in self.changes.iter().rev() {
            if missing == 0 {
                return position;
            }
            missing -= usize::from(wanted(change));
            position -= 1;
        }
        position
    }
}
