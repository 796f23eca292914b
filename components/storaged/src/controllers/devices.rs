//! Lists all block devices.
//!
//! The generation of a device grows with each event of it, so that whoever has looked at it knows
//! when to look again.

use std::collections::HashMap;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::block::BlockDevice;

use crate::events::{Changes, Told};
use crate::sysfs::{self, Tree};

pub(super) struct DevicesController {
    tree: Tree,
    changes: Changes,
    /// What was told and is not in the state yet.
    pending: Told,
    /// Generations in the state; `None` before the first pass.
    generations: Option<HashMap<String, i64>>,
}

impl DevicesController {
    pub(super) fn new(tree: Tree, changes: Changes) -> Self {
        Self {
            tree,
            changes,
            pending: Told::default(),
            generations: None,
        }
    }
}

impl Controller for DevicesController {
    const NAME: &'static str = "block.DevicesController";

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<BlockDevice>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.changes.devices.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let known = match self.generations.take() {
            Some(known) => known,
            // Nobody knows what has happened while no storaged ran.
            None => {
                self.pending.any = true;
                let stored = cx.list::<BlockDevice>().await?;
                let stored = stored.iter();
                stored
                    .map(|each| (each.id().to_owned(), each.value().generation))
                    .collect()
            }
        };
        // Before the look: what changes during it is told again.
        self.pending.add(self.changes.take());
        let mut generations = HashMap::new();
        for (id, mut device) in sysfs::devices(&self.tree) {
            device.generation = generation(known.get(&id).copied(), self.pending.contains(&id));
            generations.insert(id.clone(), device.generation);
            cx.upsert(id, device).await?;
        }
        self.generations = Some(generations);
        self.pending = Told::default();
        Ok(())
    }
}

/// A pass that fails begins anew with the generations of the state.
fn generation(known: Option<i64>, changed: bool) -> i64 {
    match known {
        None => 1,
        Some(known) if changed => known.saturating_add(1),
        Some(known) => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, Running};

    #[test]
    fn the_generation_grows_with_each_event() {
        assert_eq!(generation(None, true), 1);
        assert_eq!(generation(None, false), 1);
        assert_eq!(generation(Some(4), false), 4);
        assert_eq!(generation(Some(4), true), 5);
        assert_eq!(generation(Some(i64::MAX), true), i64::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn devices_come_change_and_go() {
        let fake = Fake::virtio();
        let changes = Changes::default();
        let controller = DevicesController::new(fake.tree(), changes.clone());
        let running = Running::start(|runtime| {
            runtime.register(controller).unwrap();
        });
        assert_eq!(running.ids::<BlockDevice>().await, ["vda", "vda1", "vda2"]);
        let found = running.find::<BlockDevice>("vda2").await.unwrap();
        assert_eq!(found.generation, 1);

        changes.tell_of("vda2");
        let found = running.find::<BlockDevice>("vda2").await.unwrap();
        assert_eq!(found.generation, 2);
        let found = running.find::<BlockDevice>("vda1").await.unwrap();
        assert_eq!(found.generation, 1);

        fake.remove("vda2");
        changes.tell_of("vda2");
        assert_eq!(running.ids::<BlockDevice>().await, ["vda", "vda1"]);
        running.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_raises_what_the_state_has() {
        let fake = Fake::virtio();
        let state = Running::start(|_| {});
        state.put("vda", 7).await;
        state.put("gone", 7).await;
        let controller = DevicesController::new(fake.tree(), Changes::default());
        let running = state.restart(|runtime| {
            runtime.register(controller).unwrap();
        });
        let running = running.await;
        assert_eq!(running.ids::<BlockDevice>().await, ["vda", "vda1", "vda2"]);
        let found = running.find::<BlockDevice>("vda").await.unwrap();
        assert_eq!(found.generation, 8);
        running.stop().await;
    }
}
