//! What tests share: a sysfs in a directory, controllers over a state, random bytes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ichor_controller::Runtime;
use ichor_resource::specs::block::BlockDevice;
use ichor_resource::{Resource, Spec};
use ichor_state::{MemoryState, Query, State, StateExt};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::events::{Changes, Told};
use crate::sysfs::Tree;

/// A directory that looks like `/`, as far as storaged looks at it.
pub(crate) struct Fake {
    root: tempfile::TempDir,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
        }
    }

    /// A virtual machine with one disk that has two partitions.
    pub(crate) fn virtio() -> Self {
        let fake = Self::new();
        let disk = "devices/pci0000:00/0000:00:02.0/virtio1/block/vda";
        let files = [
            ("size", "12582912\n"),
            ("ro", "0\n"),
            ("serial", "system"),
            ("queue/rotational", "1\n"),
            ("queue/logical_block_size", "512\n"),
            ("queue/optimal_io_size", "0\n"),
            ("queue/minimum_io_size", "512\n"),
        ];
        fake.disk(disk, "254:0", &files);
        fake.device(
            disk,
            "../../../virtio1",
            &[("modalias", "virtio:d00000002v00001AF4\n")],
        );
        fake.partition(disk, "vda1", "254:1", "EFI");
        fake.partition(disk, "vda2", "254:2", "META");
        fake
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::at(self.root.path())
    }

    /// Adds a disk; `place` is its directory below `sys`, `number` its device number.
    pub(crate) fn disk(&self, place: &str, number: &str, files: &[(&str, &str)]) {
        self.add(place, number, "DEVTYPE=disk\nDISKSEQ=1\n");
        for (name, content) in files {
            self.file(&format!("sys/{place}/{name}"), content.as_bytes());
        }
    }

    /// Adds what a disk is on, and the link to it.
    pub(crate) fn device(&self, place: &str, target: &str, files: &[(&str, &str)]) {
        self.link(&format!("sys/{place}/device"), target);
        let device = self.path(&format!("sys/{place}")).join(target);
        fs::create_dir_all(&device).unwrap();
        for (name, content) in files {
            fs::write(device.join(name), content).unwrap();
        }
    }

    pub(crate) fn partition(&self, disk: &str, name: &str, number: &str, label: &str) {
        let (_, part) = number.split_once(':').unwrap();
        let rest = format!("DEVTYPE=partition\nDISKSEQ=1\nPARTN={part}\nPARTNAME={label}\n");
        self.add(&format!("{disk}/{name}"), number, &rest);
        self.file(&format!("sys/{disk}/{name}/partition"), part.as_bytes());
    }

    fn add(&self, place: &str, number: &str, rest: &str) {
        let (_, name) = place.rsplit_once('/').unwrap();
        let (major, minor) = number.split_once(':').unwrap();
        let below_dev = name.replace('!', "/");
        let uevent = format!("MAJOR={major}\nMINOR={minor}\nDEVNAME={below_dev}\n{rest}");
        self.file(&format!("sys/{place}/uevent"), uevent.as_bytes());
        let up = "../".repeat(place.split('/').count());
        self.link(
            &format!("sys/{place}/subsystem"),
            &format!("{up}class/block"),
        );
        self.link(
            &format!("sys/class/block/{name}"),
            &format!("../../{place}"),
        );
    }

    /// Removes a block device.
    pub(crate) fn remove(&self, name: &str) {
        let link = self.path(&format!("sys/class/block/{name}"));
        fs::remove_dir_all(link.parent().unwrap().join(fs::read_link(&link).unwrap())).unwrap();
        fs::remove_file(link).unwrap();
    }

    /// Changes an attribute of a block device.
    pub(crate) fn set(&self, name: &str, attribute: &str, content: &str) {
        let path = self.path(&format!("sys/class/block/{name}/{attribute}"));
        fs::write(path, content).unwrap();
    }

    pub(crate) fn file(&self, path: &str, content: &[u8]) {
        fs::write(self.path(path), content).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        symlink(target, self.path(path)).unwrap();
    }

    pub(crate) fn remove_link(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// A path whose directory exists.
    fn path(&self, path: &str) -> PathBuf {
        let path = self.root.path().join(Path::new(path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

impl Changes {
    /// As if the kernel had told of a device.
    pub(crate) fn tell_of(&self, name: &str) {
        let told = Told {
            names: [name.to_owned()].into(),
            any: false,
        };
        self.tell(told, false);
    }
}

/// Controllers that run over a state.
pub(crate) struct Running {
    state: Arc<MemoryState>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(register: impl FnOnce(&mut Runtime)) -> Self {
        Self::over(Arc::new(MemoryState::new()), register)
    }

    fn over(state: Arc<MemoryState>, register: impl FnOnce(&mut Runtime)) -> Self {
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        register(&mut runtime);
        let stop = CancellationToken::new();
        let task = tokio::spawn(runtime.run(stop.clone()));
        Self { state, stop, task }
    }

    /// Other controllers over the same state.
    pub(crate) async fn restart(self, register: impl FnOnce(&mut Runtime)) -> Self {
        let state = Arc::clone(&self.state);
        self.stop().await;
        Self::over(state, register)
    }

    /// Stores what somebody else tells.
    pub(crate) async fn store<S: Spec>(&self, id: &str, value: S) {
        let stored = self.state.upsert(Resource::new(id, value), "test");
        stored.await.unwrap();
    }

    /// Stores a device as an earlier process has.
    pub(crate) async fn put(&self, id: &str, generation: i64) {
        let device = BlockDevice {
            generation,
            ..BlockDevice::default()
        };
        let resource = Resource::new(id, device);
        let stored = self.state.upsert(resource, "block.DevicesController");
        stored.await.unwrap();
    }

    /// What is there when everything that is due has run.
    pub(crate) async fn find<S: Spec>(&self, id: &str) -> Option<S> {
        settle().await;
        let found = self.state.find::<S>(id).await.unwrap();
        found.map(Resource::into_value)
    }

    pub(crate) async fn ids<S: Spec>(&self) -> Vec<String> {
        settle().await;
        let found = self.state.list_as::<S>(&Query::default()).await.unwrap();
        found.iter().map(|each| each.id().to_owned()).collect()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// The clock is paused, so this takes no time.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Numbers that are the same in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit.max(1)
    }

    /// Changes, repeats and cuts off some of the bytes.
    pub(crate) fn spoil(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.repeat(1 + self.below(2));
        for _ in 0..self.below(8) {
            let at = self.below(bytes.len());
            bytes[at] = self.below(256) as u8;
        }
        bytes.truncate(self.below(bytes.len() + 1));
        bytes
    }
}
