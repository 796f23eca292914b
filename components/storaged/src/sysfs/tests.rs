//! Disks of all kinds, as their sysfs looks.

use ichor_resource::specs::block::{BlockDevice, Disk};

use super::*;
use crate::testing::{Fake, Random};

const QUEUE: [(&str, &str); 4] = [
    ("ro", "0\n"),
    ("queue/rotational", "0\n"),
    ("queue/logical_block_size", "512\n"),
    ("queue/minimum_io_size", "512\n"),
];

/// The files of a disk of that size in sectors, beside the usual ones.
fn files<'a>(size: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&QUEUE[..], &[("size", size)], more].concat()
}

/// What is said of the one disk `id`.
fn disk(fake: &Fake, id: &str) -> Disk {
    let tree = fake.tree();
    let all = disks(&tree, &devices(&tree));
    all.into_iter().find(|(name, _)| name == id).unwrap().1
}

fn ids(fake: &Fake) -> Vec<String> {
    let tree = fake.tree();
    let all = disks(&tree, &devices(&tree));
    all.into_iter().map(|(id, _)| id).collect()
}

/// What all disks here have in common.
fn common(name: &str) -> Disk {
    Disk {
        dev_path: format!("/dev/{name}"),
        io_size: 512,
        sector_size: 512,
        sub_system: "/sys/class/block".into(),
        ..Disk::default()
    }
}

#[test]
fn partitions_belong_to_their_disk() {
    let fake = Fake::virtio();
    let found = devices(&fake.tree());
    let place = "/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda";
    let expected = BlockDevice {
        device_type: "partition".into(),
        major: 254,
        minor: 2,
        partition_name: "META".into(),
        partition_number: 2,
        device_path: format!("{place}/vda2"),
        parent: "vda".into(),
        ..BlockDevice::default()
    };
    assert_eq!(found["vda2"], expected);
    assert_eq!(found["vda"].device_path, place);
    assert_eq!(found["vda"].parent, "");
    assert_eq!(found.len(), 3);
}

#[test]
fn virtio() {
    let expected = Disk {
        size: 6 << 30,
        pretty_size: "6.4 GB".into(),
        serial: "system".into(),
        modalias: "virtio:d00000002v00001AF4".into(),
        bus_path: "/pci0000:00/0000:00:02.0/virtio1".into(),
        transport: "virtio".into(),
        rotational: true,
        ..common("vda")
    };
    assert_eq!(disk(&Fake::virtio(), "vda"), expected);
}

#[test]
fn sata() {
    let fake = Fake::new();
    let bus = "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0";
    let place = format!("devices/{bus}/block/sda");
    let more = [
        ("queue/rotational", "1\n"),
        ("queue/optimal_io_size", "0\n"),
        ("queue/minimum_io_size", "4096\n"),
        ("queue/physical_block_size", "4096\n"),
    ];
    fake.disk(&place, "8:0", &files("7814037168\n", &more));
    let device = [
        ("vendor", "ATA     \n"),
        ("model", "WDC WD40EFRX-68N\n"),
        ("rev", "0A82\n"),
        ("wwid", "naa.50014ee2b5e7d1a3\n"),
        ("modalias", "scsi:t-0x00\n"),
    ];
    fake.device(&place, "../../../0:0:0:0", &device);
    let page = b"\0\x80\0\x14     WD-WCC4E1234567";
    fake.file(&format!("sys/devices/{bus}/vpd_pg80"), page);
    fake.file("sys/class/scsi_host/host0/proc_name", b"ahci\n");
    let expected = Disk {
        size: 4_000_787_030_016,
        pretty_size: "4.0 TB".into(),
        io_size: 4096,
        model: "WDC WD40EFRX-68N".into(),
        firmware_version: "0A82".into(),
        serial: "WD-WCC4E1234567".into(),
        wwid: "naa.50014ee2b5e7d1a3".into(),
        modalias: "scsi:t-0x00".into(),
        bus_path: format!("/{bus}"),
        transport: "sata".into(),
        rotational: true,
        ..common("sda")
    };
    assert_eq!(disk(&fake, "sda"), expected);
}

#[test]
fn nvme() {
    let fake = Fake::new();
    let place = "devices/pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1";
    let more = [("wwid", "eui.0025388b71b4a2c8\n"), ("nsid", "1\n")];
    fake.disk(place, "259:0", &files("1953525168\n", &more));
    let device = [
        ("model", "Samsung SSD 980 PRO 1TB                 \n"),
        ("serial", "S5GXNX0T123456X     \n"),
        ("firmware_rev", "5B2QGXA7\n"),
    ];
    fake.device(place, "../../nvme0", &device);
    let expected = Disk {
        size: 1_000_204_886_016,
        pretty_size: "1.0 TB".into(),
        model: "Samsung SSD 980 PRO 1TB".into(),
        firmware_version: "5B2QGXA7".into(),
        serial: "S5GXNX0T123456X".into(),
        wwid: "eui.0025388b71b4a2c8".into(),
        bus_path: "/pci0000:00/0000:00:1d.0/0000:03:00.0/nvme".into(),
        transport: "nvme".into(),
        ..common("nvme0n1")
    };
    assert_eq!(disk(&fake, "nvme0n1"), expected);
}

#[test]
fn nvme_with_several_paths_is_one_disk() {
    let fake = Fake::new();
    let place = "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1";
    let wwid = "uuid.6f1d2c3b-0000-4000-8000-000000000001\n";
    fake.disk(place, "259:1", &files("2048\n", &[("wwid", wwid)]));
    fake.device(
        place,
        "../../nvme-subsys0",
        &[("model", "Shared\n"), ("serial", "1\n")],
    );
    // A path has no node.
    let path = "sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0c0n1";
    fake.file(&format!("{path}/uevent"), b"DEVTYPE=disk\n");
    fake.file(&format!("{path}/size"), b"2048\n");
    fake.link("sys/class/block/nvme0c0n1", &path.replace("sys/", "../../"));
    assert_eq!(ids(&fake), ["nvme0n1"]);
    let found = disk(&fake, "nvme0n1");
    assert_eq!(found.uuid, "6f1d2c3b-0000-4000-8000-000000000001");
    assert_eq!(found.bus_path, "/virtual/nvme-subsystem");
    assert_eq!((&*found.model, &*found.serial), ("Shared", "1"));
}

#[test]
fn usb() {
    let fake = Fake::new();
    let bus = "pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0";
    let place = format!("devices/{bus}/block/sdb");
    fake.disk(
        &place,
        "8:16",
        &files("60062500\n", &[("removable", "1\n")]),
    );
    let device = [
        ("vendor", "SanDisk \n"),
        ("model", "Ultra Fit       \n"),
        ("rev", "1.00\n"),
        ("modalias", "scsi:t-0x00\n"),
    ];
    fake.device(&place, "../../../6:0:0:0", &device);
    fake.file("sys/class/scsi_host/host6/proc_name", b"usb-storage\n");
    let expected = Disk {
        size: 30_752_000_000,
        pretty_size: "31 GB".into(),
        model: "Ultra Fit".into(),
        firmware_version: "1.00".into(),
        modalias: "scsi:t-0x00".into(),
        bus_path: format!("/{bus}"),
        transport: "usb".into(),
        ..common("sdb")
    };
    assert_eq!(disk(&fake, "sdb"), expected);
}

#[test]
fn scsi_hosts_tell_the_transport() {
    let cases = [
        ("sas_host", "mpt3sas", "sas"),
        ("fc_host", "qla2xxx", "fc"),
        ("iscsi_host", "iscsi_tcp", "iscsi"),
        ("scsi_host", "virtio_scsi", "virtio"),
        ("scsi_host", "ata_piix", "ata"),
        ("scsi_host", "megaraid_sas", ""),
    ];
    for (class, driver, transport) in cases {
        let fake = Fake::new();
        let place = "devices/pci0000:00/0000:00:05.0/host2/target2:0:1/2:0:1:0/block/sdc";
        fake.disk(place, "8:32", &files("8192\n", &[]));
        fake.device(
            place,
            "../../../2:0:1:0",
            &[("model", "QEMU HARDDISK   \n")],
        );
        fake.file(&format!("sys/class/{class}/host2/unique_id"), b"0\n");
        fake.file("sys/class/scsi_host/host2/proc_name", driver.as_bytes());
        assert_eq!(disk(&fake, "sdc").transport, transport, "{class} {driver}");
    }
}

#[test]
fn mmc() {
    let fake = Fake::new();
    let bus = "platform/soc/fe310000.mmc/mmc_host/mmc0/mmc0:0001";
    let place = format!("devices/{bus}/block/mmcblk0");
    fake.disk(&place, "179:0", &files("30777344\n", &[]));
    let device = [
        ("name", "BJTD4R\n"),
        ("serial", "0x0a1b2c3d\n"),
        ("fwrev", "0x0600000000000000\n"),
        ("type", "MMC\n"),
        ("modalias", "mmc:block\n"),
    ];
    fake.device(&place, "../../../mmc0:0001", &device);
    // The boot areas are disks of their own.
    fake.disk(
        &format!("{place}/mmcblk0boot0"),
        "179:32",
        &files("8192\n", &[("ro", "1\n")]),
    );
    assert_eq!(ids(&fake), ["mmcblk0", "mmcblk0boot0"]);
    let expected = Disk {
        size: 15_758_000_128,
        pretty_size: "16 GB".into(),
        model: "BJTD4R".into(),
        firmware_version: "0x0600000000000000".into(),
        serial: "0x0a1b2c3d".into(),
        modalias: "mmc:block".into(),
        bus_path: format!("/{bus}"),
        transport: "mmc".into(),
        ..common("mmcblk0")
    };
    assert_eq!(disk(&fake, "mmcblk0"), expected);
    assert!(disk(&fake, "mmcblk0boot0").readonly);
}

#[test]
fn a_cd_drive_is_there_also_without_a_disc() {
    let fake = Fake::new();
    let place = "devices/pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sr0";
    let more = [
        ("queue/logical_block_size", "2048\n"),
        ("queue/minimum_io_size", "2048\n"),
    ];
    fake.disk(place, "11:0", &files("2097151\n", &more));
    fake.device(
        place,
        "../../../2:0:0:0",
        &[("model", "QEMU DVD-ROM    \n")],
    );
    fake.file("sys/class/scsi_host/host2/proc_name", b"ahci\n");
    let found = disk(&fake, "sr0");
    assert!(found.cdrom);
    assert_eq!((found.size, &*found.pretty_size), (0, "0 B"));
    assert_eq!((found.sector_size, found.io_size), (2048, 2048));
    fake.set("sr0", "size", "1331200\n");
    assert_eq!(disk(&fake, "sr0").size, 681_574_400);
}

#[test]
fn loop_devices_are_disks_while_they_have_a_file() {
    let fake = Fake::new();
    let more = [("ro", "1\n"), ("loop/backing_file", "/rootfs.squashfs\n")];
    fake.disk(
        "devices/virtual/block/loop0",
        "7:0",
        &files("58880\n", &more),
    );
    fake.disk("devices/virtual/block/loop1", "7:1", &files("0\n", &[]));
    assert_eq!(devices(&fake.tree()).len(), 2);
    assert_eq!(ids(&fake), ["loop0"]);
    let expected = Disk {
        size: 30_146_560,
        pretty_size: "30 MB".into(),
        readonly: true,
        bus_path: "/virtual".into(),
        ..common("loop0")
    };
    assert_eq!(disk(&fake, "loop0"), expected);
}

#[test]
fn ram_disks_are_no_disks() {
    let fake = Fake::new();
    fake.disk("devices/virtual/block/ram0", "1:0", &files("8192\n", &[]));
    fake.disk(
        "devices/virtual/block/zram0",
        "252:0",
        &files("8192\n", &[]),
    );
    assert_eq!(ids(&fake), ["zram0"]);
}

#[test]
fn device_mapper_is_a_disk_over_others() {
    let fake = Fake::virtio();
    let crypt = [
        ("dm/name", "luks2-STATE\n"),
        ("dm/uuid", "CRYPT-LUKS2-12-luks2-STATE\n"),
    ];
    fake.disk(
        "devices/virtual/block/dm-0",
        "253:0",
        &files("8192\n", &crypt),
    );
    fake.link(
        "sys/devices/virtual/block/dm-0/slaves/vda2",
        "../../../../pci0000:00/x",
    );
    let hidden = [
        ("dm/name", "vg-pool_tmeta\n"),
        ("dm/uuid", "LVM-abcdefgh-tmeta\n"),
    ];
    fake.disk(
        "devices/virtual/block/dm-1",
        "253:1",
        &files("8192\n", &hidden),
    );
    let volume = [("dm/name", "vg-data\n"), ("dm/uuid", "LVM-abcdefgh\n")];
    fake.disk(
        "devices/virtual/block/dm-2",
        "253:2",
        &files("8192\n", &volume),
    );
    assert_eq!(ids(&fake), ["dm-0", "dm-2", "vda"]);
    assert_eq!(devices(&fake.tree())["dm-0"].secondaries, ["vda2"]);
    assert_eq!(disk(&fake, "dm-0").secondary_disks, ["vda"]);
}

#[test]
fn md_is_a_disk_over_the_disks_of_its_parts() {
    let fake = Fake::new();
    for (name, number) in [("sda", "8:0"), ("sdb", "8:16")] {
        let place = format!("devices/pci0000:00/host0/{name}/block/{name}");
        fake.disk(&place, number, &files("8192\n", &[]));
        fake.partition(&place, &format!("{name}1"), "8:1", "");
        fake.partition(&place, &format!("{name}2"), "8:2", "");
    }
    let place = "devices/virtual/block/md127";
    let more = [
        ("queue/optimal_io_size", "1048576\n"),
        ("queue/minimum_io_size", "524288\n"),
    ];
    fake.disk(place, "9:127", &files("16384\n", &more));
    for part in ["sda1", "sda2", "sdb1"] {
        fake.link(&format!("sys/{place}/slaves/{part}"), "../../../../x");
    }
    let found = disk(&fake, "md127");
    assert_eq!(found.secondary_disks, ["sda", "sdb"]);
    assert_eq!(found.io_size, 1 << 20);
    assert_eq!(found.bus_path, "/virtual");
}

#[test]
fn names_with_slashes_are_kept() {
    let fake = Fake::new();
    let place = "devices/pci0000:00/0000:00:06.0/cciss0/c0d0/block/cciss!c0d0";
    fake.disk(place, "104:0", &files("8192\n", &[]));
    fake.partition(place, "cciss!c0d0p1", "104:1", "META");
    let found = devices(&fake.tree());
    assert_eq!(found["cciss/c0d0p1"].parent, "cciss/c0d0");
    assert_eq!(disk(&fake, "cciss/c0d0").dev_path, "/dev/cciss/c0d0");
}

#[test]
fn a_machine_without_disks_has_none() {
    assert!(ids(&Fake::new()).is_empty());
}

#[test]
fn no_content_of_a_file_makes_it_panic() {
    let mut random = Random::new(4);
    let names = [
        "uevent",
        "size",
        "ro",
        "wwid",
        "serial",
        "queue/optimal_io_size",
        "queue/logical_block_size",
        "dm/uuid",
        "device/model",
        "device/vpd_pg80",
    ];
    let content =
        b"MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\n18446744073709551615 LVM-a-b uuid.";
    let fake = Fake::virtio();
    for _ in 0..500 {
        let name = names[random.below(names.len())];
        let content = random.spoil(content);
        fake.file(&format!("sys/class/block/vda/{name}"), &content);
        let tree = fake.tree();
        let devices = devices(&tree);
        let _read = (disks(&tree, &devices), system_disk(&tree, &devices));
    }
}
