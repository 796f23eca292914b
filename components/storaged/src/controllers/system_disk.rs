//! Says which disk holds the installed system.
//!
//! Which of several disks that is, links tell that udev makes, and a variable of the firmware. Before
//! both are there, a disk is named only when it is known by its link to be the one that was booted.

use std::time::Duration;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::block::SystemDisk;
use ichor_resource::specs::runtime::DevicesStatus;
use tokio::time::Instant;

use crate::sysfs::{self, Tree};

/// The only one of its kind.
const ID: &str = "system-disk";
/// So long udev is waited for. A machine on which it does not work has a system all the same.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks for the firmware's variables.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct SystemDiskController {
    tree: Tree,
    waker: Waker,
    /// When it looked first.
    began: Option<Instant>,
}

impl SystemDiskController {
    /// `waker` is woken when a device or a link may have changed.
    pub(super) fn new(tree: Tree, waker: Waker) -> Self {
        Self {
            tree,
            waker,
            began: None,
        }
    }

    /// Waits for udev and for the firmware's variables.
    async fn settle(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        if self.tree.is_settled() {
            return Ok(());
        }
        let devices = cx.get::<DevicesStatus>("devices").await?;
        let has_links = devices.is_some_and(|devices| devices.value().ready);
        let began = *self.began.get_or_insert_with(Instant::now);
        let left = PATIENCE.saturating_sub(began.elapsed());
        if left.is_zero() || (has_links && !self.tree.awaits_variables()) {
            self.tree.settle();
        } else {
            // Nobody tells that the variables are there.
            let pause = if has_links { PAUSE } else { left };
            cx.wake_after(pause.min(left));
        }
        Ok(())
    }
}

impl Controller for SystemDiskController {
    const NAME: &'static str = "block.SystemDiskController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<DevicesStatus>().id("devices")]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<SystemDisk>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        self.settle(cx).await?;
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

    fn start(fake: &Fake, changes: &Changes) -> Running {
        let system = SystemDiskController::new(fake.tree(), changes.system_disk.clone());
        Running::start(|runtime| {
            runtime.register(system).unwrap();
        })
    }

    fn vda() -> SystemDisk {
        SystemDisk {
            disk_id: "vda".into(),
            dev_path: "/dev/vda".into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_system_disk_comes_and_goes_with_its_partition() {
        let fake = Fake::virtio();
        let changes = Changes::default();
        let running = start(&fake, &changes);
        assert_eq!(running.find::<SystemDisk>(ID).await, None);
        let settled = |ready| running.store("devices", DevicesStatus { ready });
        settled(false).await;
        assert_eq!(running.find::<SystemDisk>(ID).await, None);
        settled(true).await;
        assert_eq!(running.find::<SystemDisk>(ID).await, Some(vda()));
        fake.remove("vda2");
        changes.tell_of("vda2");
        assert!(running.ids::<SystemDisk>().await.is_empty());
        running.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn variables_of_the_firmware_are_waited_for() {
        let fake = Fake::virtio();
        fake.file("sys/firmware/efi/efivars/x", b"");
        fake.remove_link("sys/firmware/efi/efivars/x");
        let running = start(&fake, &Changes::default());
        running
            .store("devices", DevicesStatus { ready: true })
            .await;
        assert_eq!(running.find::<SystemDisk>(ID).await, None);
        fake.file("sys/firmware/efi/efivars/x", b"");
        tokio::time::sleep(PAUSE).await;
        assert_eq!(running.find::<SystemDisk>(ID).await, Some(vda()));
        running.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_udev_that_does_not_work_is_not_waited_for_longer_than_a_minute() {
        let fake = Fake::virtio();
        let running = start(&fake, &Changes::default());
        tokio::time::sleep(PATIENCE - Duration::from_secs(2)).await;
        assert_eq!(running.find::<SystemDisk>(ID).await, None);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(running.find::<SystemDisk>(ID).await, Some(vda()));
        running.stop().await;
    }
}
