//! What a controller has written, and what the present pass did.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ichor_resource::{AnyResource, Pointer};

use crate::Output;

/// Outputs of one controller.
///
/// Invariant: a remembered value is what the state holds, because only its owner may write a
/// resource, because it is forgotten before each write (the answer may be lost), and because a lost
/// watch (the state may have started again) makes the ledger forget all values.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Known outputs, with what was written last when this process knows it.
    known: HashMap<Pointer, Option<AnyResource>>,
    /// Whether outputs of earlier processes are known too.
    adopted: bool,
    /// Outputs written by the present pass.
    touched: HashSet<Pointer>,
    /// Outputs in removal that somebody still uses.
    waiting: Vec<Pointer>,
    wake_after: Option<Duration>,
    epoch: u64,
}

impl Ledger {
    pub(super) fn begin(&mut self, epoch: u64) {
        self.touched.clear();
        self.waiting.clear();
        self.wake_after = None;
        if self.epoch != epoch {
            self.epoch = epoch;
            // What was written is still looked after: copies may not show it yet.
            self.known.values_mut().for_each(|value| *value = None);
            self.adopted = false;
        }
    }

    pub(super) fn finish(&mut self) -> (Vec<Pointer>, Option<Duration>) {
        (std::mem::take(&mut self.waiting), self.wake_after.take())
    }

    pub(super) fn touch(&mut self, pointer: &Pointer) {
        self.touched.insert(pointer.clone());
    }

    pub(super) fn holds(&self, pointer: &Pointer, wanted: &AnyResource) -> bool {
        let Some(Some(stored)) = self.known.get(pointer) else {
            return false;
        };
        stored.spec == wanted.spec
            && stored.metadata.labels == wanted.metadata.labels
            && stored.metadata.annotations == wanted.metadata.annotations
    }

    /// What was written last, with the version that it got. Forgotten until the next write is known
    /// to have succeeded.
    pub(super) fn take(&mut self, pointer: &Pointer) -> Option<AnyResource> {
        self.known.insert(pointer.clone(), None).flatten()
    }

    pub(super) fn wrote(&mut self, pointer: Pointer, value: AnyResource) {
        self.known.insert(pointer, Some(value));
    }

    pub(super) fn changed(&mut self, pointer: &Pointer) {
        self.known.insert(pointer.clone(), None);
    }

    pub(super) fn removed(&mut self, pointer: &Pointer) {
        self.known.remove(pointer);
        self.touched.remove(pointer);
    }

    pub(super) fn adopt(&mut self, pointer: Pointer) {
        self.known.entry(pointer).or_default();
    }

    pub(super) fn adopted(&mut self) {
        self.adopted = true;
    }

    pub(super) fn is_adopted(&self) -> bool {
        self.adopted
    }

    pub(super) fn stale(&self, outputs: &[Output]) -> Vec<Pointer> {
        let cleaned = |pointer: &&Pointer| {
            let mut outputs = outputs.iter();
            outputs.any(|output| output.cleaned && output.kind == pointer.kind)
        };
        let untouched = |pointer: &&Pointer| !self.touched.contains(pointer);
        let mut stale: Vec<_> = self
            .known
            .keys()
            .filter(untouched)
            .filter(cleaned)
            .collect();
        stale.sort();
        stale.into_iter().cloned().collect()
    }

    pub(super) fn wait_for(&mut self, pointer: Pointer) {
        self.waiting.push(pointer);
    }

    pub(super) fn wake_after(&mut self, pause: Duration) {
        self.wake_after = Some(self.wake_after.map_or(pause, |known| known.min(pause)));
    }
}

#[cfg(test)]
mod tests {
    use ichor_resource::specs::network::HostnameStatus;
    use ichor_resource::{Resource, Spec};

    use super::*;

    #[test]
    fn a_lost_watch_makes_it_forget_values_but_not_outputs() {
        let mut ledger = Ledger::default();
        let output: AnyResource = Resource::new("a", HostnameStatus::default()).into();
        let pointer = output.metadata.pointer();
        ledger.wrote(pointer.clone(), output.clone());
        assert!(ledger.holds(&pointer, &output));
        ledger.begin(1);
        assert!(!ledger.holds(&pointer, &output));
        let outputs = [Output::exclusive::<HostnameStatus>()];
        assert_eq!(ledger.stale(&outputs), [HostnameStatus::pointer("a")]);
    }
}
