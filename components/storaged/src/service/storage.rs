//! `storage.StorageService`.
//!
//! The disks are looked at for each call: an answer is right also before the first pass of the
//! controllers, and while the state is busy.

use ichor_api::storage::disk::DiskType;
use ichor_api::storage::storage_service_server::StorageService;
use ichor_api::storage::{
    BlockDeviceWipeRequest, BlockDeviceWipeResponse, Disk, Disks, DisksResponse,
};
use ichor_resource::specs::block;
use tonic::{Request, Response, Status};

use crate::sysfs::{self, Tree};

const MMC: &str = "mmc";

#[derive(Clone, Debug)]
pub(super) struct StorageApi {
    pub(super) tree: Tree,
}

#[tonic::async_trait]
impl StorageService for StorageApi {
    async fn disks(&self, _: Request<()>) -> Result<Response<DisksResponse>, Status> {
        let devices = sysfs::devices(&self.tree);
        let system = sysfs::system_disk(&self.tree, &devices);
        let disks = sysfs::disks(&self.tree, &devices);
        let disks = disks.into_iter().map(|(id, disk)| {
            let is_system = system.as_ref().is_some_and(|system| system.disk_id == id);
            message(disk, is_system)
        });
        let node = Disks {
            disks: disks.collect(),
            ..Disks::default()
        };
        Ok(Response::new(DisksResponse {
            messages: vec![node],
        }))
    }

    async fn block_device_wipe(
        &self,
        _: Request<BlockDeviceWipeRequest>,
    ) -> Result<Response<BlockDeviceWipeResponse>, Status> {
        Err(Status::unimplemented(
            "wiping of disks is not implemented yet, nothing was changed",
        ))
    }
}

fn message(disk: block::Disk, system_disk: bool) -> Disk {
    Disk {
        size: disk.size,
        r#type: kind(&disk).into(),
        // Only cards have a name.
        name: match disk.transport == MMC {
            true => disk.model.clone(),
            false => String::new(),
        },
        model: disk.model,
        device_name: disk.dev_path,
        serial: disk.serial,
        modalias: disk.modalias,
        uuid: disk.uuid,
        wwid: disk.wwid,
        bus_path: disk.bus_path,
        system_disk,
        subsystem: disk.sub_system,
        readonly: disk.readonly,
    }
}

/// What can be told: a disk that does not spin and is on no known bus may be anything.
fn kind(disk: &block::Disk) -> DiskType {
    match disk.transport.as_str() {
        _ if disk.cdrom => DiskType::Cd,
        "nvme" => DiskType::Nvme,
        MMC => DiskType::Sd,
        _ if disk.rotational => DiskType::Hdd,
        "" => DiskType::Unknown,
        _ => DiskType::Ssd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fake;

    #[tokio::test]
    async fn disks_are_listed_as_they_are() {
        let fake = Fake::virtio();
        let api = StorageApi { tree: fake.tree() };
        api.tree.settle();
        let answer = api.disks(Request::new(())).await.unwrap().into_inner();
        let disks = &answer.messages[0].disks;
        assert_eq!(disks.len(), 1);
        let expected = Disk {
            size: 6 << 30,
            device_name: "/dev/vda".into(),
            serial: "system".into(),
            modalias: "virtio:d00000002v00001AF4".into(),
            r#type: DiskType::Hdd.into(),
            bus_path: "/pci0000:00/0000:00:02.0/virtio1".into(),
            system_disk: true,
            subsystem: "/sys/class/block".into(),
            ..Disk::default()
        };
        assert_eq!(disks[0], expected);
    }

    #[tokio::test]
    async fn nothing_is_wiped_yet() {
        let api = StorageApi {
            tree: Tree::at("/nowhere-at-all"),
        };
        let request = Request::new(BlockDeviceWipeRequest::default());
        let status = api.block_device_wipe(request).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unimplemented);
        assert!(status.message().contains("not implemented"));
    }

    #[test]
    fn the_kind_is_what_the_bus_and_the_motor_tell() {
        let kind = |transport: &str, cdrom, rotational| {
            kind(&block::Disk {
                transport: transport.into(),
                cdrom,
                rotational,
                ..block::Disk::default()
            })
        };
        assert_eq!(kind("sata", true, true), DiskType::Cd);
        assert_eq!(kind("nvme", false, false), DiskType::Nvme);
        assert_eq!(kind("mmc", false, false), DiskType::Sd);
        assert_eq!(kind("sata", false, true), DiskType::Hdd);
        assert_eq!(kind("usb", false, false), DiskType::Ssd);
        assert_eq!(kind("", false, false), DiskType::Unknown);
    }
}
