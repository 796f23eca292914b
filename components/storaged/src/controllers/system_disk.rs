//! Says which disk holds the installed system.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::block::SystemDisk;

use crate::sysfs::{self, Tree};

/// The only one of its kind.
const ID: &str = "system-disk";

pub(super) struct SystemDiskController {
    tree: Tree,
    waker: Waker,
}

impl SystemDiskController {
    /// `waker` is woken when a device or a link may have changed.
    pub(super) fn new(tree: Tree, waker: Waker) -> Self {
        Self { tree, waker }
    }
}

impl Controller for SystemDiskController {
    const NAME: &'static str = "block.SystemDiskController";

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<SystemDisk>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let devices = sysfs::devices(&self.tree);
        match sysfs::system_disk(&self.tree, &devices) {
            Some(disk) => cx.upsert(ID, disk).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Changes;
    use crate::testing::{Fake, Running};

    #[tokio::test(start_paused = true)]
    async fn the_system_disk_comes_and_goes_with_its_partition() {
        let fake = Fake::virtio();
        let changes = Changes::default();
        let system = SystemDiskController::new(fake.tree(), changes.system_disk.clone());
        let running = Running::start(|runtime| {
            runtime.register(system).unwrap();
        });
        let found = running.find::<SystemDisk>(ID).await.unwrap();
        let expected = SystemDisk {
            disk_id: "vda".into(),
            dev_path: "/dev/vda".into(),
        };
        assert_eq!(found, expected);
        fake.remove("vda2");
        changes.tell_of("vda2");
        assert!(running.ids::<SystemDisk>().await.is_empty());
        running.stop().await;
    }
}
