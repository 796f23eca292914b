//! Describes the whole disks among the block devices.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::block::Disk;

use crate::sysfs::{self, Tree};

pub(super) struct DisksController {
    tree: Tree,
    waker: Waker,
}

impl DisksController {
    /// `waker` is woken when a device or a link may have changed.
    pub(super) fn new(tree: Tree, waker: Waker) -> Self {
        Self { tree, waker }
    }
}

impl Controller for DisksController {
    const NAME: &'static str = "block.DisksController";

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<Disk>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let mut links = sysfs::links(&self.tree);
        for (id, mut disk) in sysfs::disks(&self.tree, &sysfs::devices(&self.tree)) {
            disk.symlinks = links.remove(&id).unwrap_or_default();
            cx.upsert(id, disk).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Changes;
    use crate::testing::{Fake, Running};

    #[tokio::test(start_paused = true)]
    async fn a_disk_has_its_links_and_follows_its_size() {
        let fake = Fake::virtio();
        fake.link("dev/disk/by-id/virtio-system", "../../vda");
        let changes = Changes::default();
        let disks = DisksController::new(fake.tree(), changes.disks.clone());
        let running = Running::start(|runtime| {
            runtime.register(disks).unwrap();
        });
        assert_eq!(running.ids::<Disk>().await, ["vda"]);
        let disk = running.find::<Disk>("vda").await.unwrap();
        assert_eq!(disk.symlinks, ["/dev/disk/by-id/virtio-system"]);
        assert_eq!(disk.pretty_size, "6.4 GB");

        fake.set("vda", "size", "25165824\n");
        changes.tell_of("vda");
        let disk = running.find::<Disk>("vda").await.unwrap();
        assert_eq!(disk.size, 25_165_824 * 512);

        for name in ["vda1", "vda2", "vda"] {
            fake.remove(name);
            changes.tell_of(name);
        }
        assert!(running.ids::<Disk>().await.is_empty());
        running.stop().await;
    }
}
