//! Lets the partition table of the system disk reach the end of the disk.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::block::SystemDisk;
use ichor_resource::specs::pretty_size;

use crate::partitions::{self, TableError};
use crate::sysfs::{self, Tree};

pub(super) struct GrowthController {
    tree: Tree,
    waker: Waker,
    /// The disk and its size in bytes when its table was looked at: nothing else opens it again.
    seen: Option<(String, u64)>,
}

impl GrowthController {
    /// `waker` is woken when a device or a link may have changed.
    pub(super) fn new(tree: Tree, waker: Waker) -> Self {
        let seen = None;
        Self { tree, waker, seen }
    }
}

impl Controller for GrowthController {
    const NAME: &'static str = "block.SystemDiskGrowthController";

    /// Which disk it is may be known later than its links.
    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<SystemDisk>()]
    }

    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, _cx: &Ctx) -> Result<(), ReconcileError> {
        let devices = sysfs::devices(&self.tree);
        let Some((id, disk)) = sysfs::booted_disk(&self.tree, &devices) else {
            return Ok(());
        };
        let seen = Some((id, disk.size));
        if disk.readonly || disk.cdrom || self.seen == seen {
            return Ok(());
        }
        let node = self.tree.place(&disk.dev_path);
        let growing = move || partitions::grow(&node, disk.sector_size);
        // A disk may take its time, or never answer.
        let grown = tokio::task::spawn_blocking(growing).await;
        match grown.map_err(ReconcileError::other)? {
            Ok(true) => {
                let (disk, size) = (disk.dev_path, pretty_size(disk.size));
                tracing::info!(
                    disk,
                    size,
                    "the partition table reaches the end of the disk now"
                );
            }
            Ok(false) => {}
            Err(error) if error.is_of_the_disk() => return Err(ReconcileError::other(error)),
            Err(error) => report(&disk.dev_path, &error),
        }
        self.seen = seen;
        Ok(())
    }
}

fn report(disk: &str, error: &TableError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(disk, %error, cause, "the space behind the partition table cannot be used");
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use gptman::GPT;

    use super::*;
    use crate::events::Changes;
    use crate::testing::{Fake, Running};

    const UUID: &str = "86c7d987-b71a-5aba-a5e1-d80ff3e43a63";
    const IMAGE_BYTES: u64 = 8 << 20;
    /// That of the fake disk.
    const DISK_BYTES: u64 = 12_582_912 * 512;

    /// A machine that was booted from an image on a larger disk.
    fn machine() -> Fake {
        let fake = Fake::virtio();
        let variable = "LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
        let mut content = vec![6, 0, 0, 0];
        content.extend(
            (UUID.to_owned() + "\0")
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        );
        fake.file(&format!("sys/firmware/efi/efivars/{variable}"), &content);
        fake.file("dev/vda", b"");
        let mut disk = disk(&fake);
        disk.set_len(IMAGE_BYTES).unwrap();
        let mut table = GPT::new_from(&mut disk, 512, [7; 16]).unwrap();
        table.write_into(&mut disk).unwrap();
        disk.set_len(DISK_BYTES).unwrap();
        fake
    }

    fn disk(fake: &Fake) -> File {
        let path = fake.tree().place("/dev/vda");
        File::options().read(true).write(true).open(path).unwrap()
    }

    fn last_sector(fake: &Fake) -> u64 {
        GPT::read_from(&mut disk(fake), 512)
            .unwrap()
            .header
            .backup_lba
    }

    /// The clock is real: threads that work on disks are not under a paused one.
    async fn until(fake: &Fake, bytes: u64) {
        let reached = async {
            while last_sector(fake) != bytes / 512 - 1 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        let limit = std::time::Duration::from_secs(30);
        tokio::time::timeout(limit, reached).await.unwrap();
    }

    #[tokio::test]
    async fn the_table_of_the_booted_disk_follows_its_size() {
        let fake = machine();
        let changes = Changes::default();
        let growth = GrowthController::new(fake.tree(), changes.growth.clone());
        let running = Running::start(|runtime| {
            runtime.register(growth).unwrap();
        });
        // Another disk with such a table is somebody's: only the link says which was booted.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert_eq!(last_sector(&fake), IMAGE_BYTES / 512 - 1);
        fake.link(&format!("dev/disk/by-partuuid/{UUID}"), "../../vda1");
        changes.tell(crate::events::Told::default(), true);
        until(&fake, DISK_BYTES).await;

        let larger = 2 * DISK_BYTES;
        disk(&fake).set_len(larger).unwrap();
        fake.set("vda", "size", &format!("{}\n", larger / 512));
        changes.tell_of("vda");
        until(&fake, larger).await;
        running.stop().await;
    }
}
