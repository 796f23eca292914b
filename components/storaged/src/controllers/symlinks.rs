//! Lists the links that udev makes to block devices.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::block::BlockSymlink;

use crate::sysfs::{self, Tree};

pub(super) struct SymlinksController {
    tree: Tree,
    waker: Waker,
}

impl SymlinksController {
    /// `waker` is woken when udev may have made or removed links.
    pub(super) fn new(tree: Tree, waker: Waker) -> Self {
        Self { tree, waker }
    }
}

impl Controller for SymlinksController {
    const NAME: &'static str = "block.SymlinksController";

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<BlockSymlink>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        for (id, paths) in sysfs::links(&self.tree) {
            cx.upsert(id, BlockSymlink { paths }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, Running};

    #[tokio::test(start_paused = true)]
    async fn links_come_and_go_with_udev() {
        let fake = Fake::virtio();
        let waker = Waker::new();
        let controller = SymlinksController::new(fake.tree(), waker.clone());
        let running = Running::start(|runtime| {
            runtime.register(controller).unwrap();
        });
        assert!(running.ids::<BlockSymlink>().await.is_empty());
        fake.link("dev/disk/by-id/virtio-system", "../../vda");
        fake.link("dev/disk/by-path/pci-0000:00:02.0", "../../vda");
        waker.wake();
        let found = running.find::<BlockSymlink>("vda").await.unwrap();
        let expected = [
            "/dev/disk/by-id/virtio-system",
            "/dev/disk/by-path/pci-0000:00:02.0",
        ];
        assert_eq!(found.paths, expected);
        fake.remove_link("dev/disk/by-id/virtio-system");
        fake.remove_link("dev/disk/by-path/pci-0000:00:02.0");
        waker.wake();
        assert!(running.ids::<BlockSymlink>().await.is_empty());
        running.stop().await;
    }
}
