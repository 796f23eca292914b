use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ichor_sys::dm::{self, Target};
use ichor_sys::loopdev;
use ichor_verity::{BLOCK_BYTES, Root};

const BLOCKS: u64 = 200;
const FLIPPED: u64 = 150;

/// A verity device on a file; gone when dropped.
struct Device {
    name: String,
    file: File,
}

impl Device {
    fn new(name: &str, image: &Path, root: &Root) -> Self {
        let image = File::open(image).unwrap();
        let below = loopdev::attach_read_only(image.as_fd()).unwrap();
        let below = below.path.display();
        let parameters = format!(
            "1 {below} {below} {BLOCK_BYTES} {BLOCK_BYTES} {} {} sha256 {} {}",
            root.data_blocks,
            root.hash_offset / BLOCK_BYTES,
            hex(&root.hash),
            hex(&root.salt)
        );
        let target = Target {
            kind: "verity",
            sectors: root.data_blocks * (BLOCK_BYTES / 512),
            parameters,
        };
        let name = format!("ichor-test-{name}-{}", std::process::id());
        let path = dm::create_read_only(&name, &target).unwrap();
        let file = File::open(path).unwrap();
        Self { name, file }
    }

    fn block(&self, number: u64) -> io::Result<Vec<u8>> {
        let mut block = vec![0; BLOCK_BYTES as usize];
        self.file.read_exact_at(&mut block, number * BLOCK_BYTES)?;
        Ok(block)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // The kernel refuses while it is open.
        self.file = File::open("/dev/null").unwrap();
        dm::remove(&self.name).unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Each block is filled with another number.
fn content(block: u64) -> Vec<u8> {
    vec![u8::try_from(block).unwrap(); BLOCK_BYTES as usize]
}

#[test]
fn loop_verity_reads_what_is_right_and_refuses_a_flipped_bit() {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("image");
    let mut bytes: Vec<u8> = (0..BLOCKS).flat_map(content).collect();
    let verity = ichor_verity::build(&mut bytes.as_slice(), BLOCKS * BLOCK_BYTES).unwrap();
    bytes.extend(&verity.tree);
    File::create(&image).unwrap().write_all(&bytes).unwrap();
    let right = Device::new("right", &image, &verity.root);
    for number in 0..BLOCKS {
        assert_eq!(right.block(number).unwrap(), content(number));
    }
    assert!(right.block(BLOCKS).is_err());

    let changed = directory.path().join("changed");
    bytes[(FLIPPED * BLOCK_BYTES) as usize + 1000] ^= 1;
    fs::write(&changed, &bytes).unwrap();
    let wrong = Device::new("wrong", &changed, &verity.root);
    assert_eq!(wrong.block(0).unwrap(), content(0));
    let error = wrong.block(FLIPPED).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(5), "EIO: {error}");
    assert_eq!(wrong.block(FLIPPED + 1).unwrap(), content(FLIPPED + 1));
}
