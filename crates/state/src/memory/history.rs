//! The last changes of a collection.

use std::collections::VecDeque;

use ichor_resource::AnyResource;

/// Where the ring begins to grow from.
const START_CAPACITY: usize = 8;
/// How many changes a watcher may fall behind.
pub(super) const MAX_CAPACITY: usize = 1024;

/// One change. Both sides are shared with the store.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Created(AnyResource),
    Updated { new: AnyResource, old: AnyResource },
    Destroyed(AnyResource),
}

/// A ring of changes. A position is the number of changes that happened before it.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    changes: VecDeque<Change>,
    end: u64,
}

impl History {
    pub(super) fn push(&mut self, change: Change) {
        if self.changes.is_empty() {
            self.changes.reserve_exact(START_CAPACITY);
        }
        if self.changes.len() >= MAX_CAPACITY {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
        self.end += 1;
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
    }

    /// The position before the last `count` changes that are `wanted`, or before all known.
    pub(super) fn tail(&self, count: usize, wanted: impl Fn(&Change) -> bool) -> u64 {
        let mut position = self.end;
        let mut missing = count;
        for change in self.changes.iter().rev() {
            if missing == 0 {
                return position;
            }
            missing -= usize::from(wanted(change));
            position -= 1;
        }
        position
    }
}
