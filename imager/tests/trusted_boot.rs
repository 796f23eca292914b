//! Boots the image of `cargo xtask image`: firmware that demands our signature starts it, and
//! nothing that was changed is used.
//!
//! Needs QEMU, OVMF and the image in `out/vm` (or `ICHOR_IMAGE_DIR`).

#![cfg(test)]

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use ichor_authenticode::{Certificate, SigningKey, variables};
use ichor_imager::keys;

const SECURE_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
const PLAIN_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const EMPTY_STORE: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// Software emulation on a busy machine.
const DEADLINE: Duration = Duration::from_secs(240);
/// What the kernel says when the firmware has checked it.
const STARTED: &str = "EFI stub: UEFI Secure Boot is enabled.";
/// What firmware or boot loader say when they refuse a program.
const REFUSED: &str = "Access denied";

/// The image under test.
struct Image {
    disk: PathBuf,
    uki: Vec<u8>,
    certificate: Certificate,
}

fn image() -> Image {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../out/vm");
    let directory = std::env::var_os("ICHOR_IMAGE_DIR").map_or(default, PathBuf::from);
    let disk = directory.join("disk.raw");
    assert!(disk.exists(), "{}: run `cargo xtask image`", disk.display());
    let version = env!("CARGO_PKG_VERSION");
    Image {
        disk,
        uki: fs::read(directory.join(format!("ichor-{version}.efi"))).unwrap(),
        certificate: keys::load_certificate(&directory.join(keys::CERTIFICATE_FILE)).unwrap(),
    }
}

/// A copy of the disk, in which `change` has altered the kernel image.
fn altered(image: &Image, directory: &Path, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let path = directory.join("disk.raw");
    fs::copy(&image.disk, &path).unwrap();
    let mut disk = File::options().read(true).write(true).open(&path).unwrap();
    let mut content = Vec::new();
    disk.read_to_end(&mut content).unwrap();
    // A file in a fresh file system lies in one piece, at the start of a sector.
    let start = (0..content.len())
        .step_by(512)
        .find(|at| content[*at..].starts_with(&image.uki))
        .expect("the kernel image is on the disk");
    let mut uki = image.uki.clone();
    change(&mut uki);
    assert_eq!(uki.len(), image.uki.len());
    disk.seek(SeekFrom::Start(start as u64)).unwrap();
    disk.write_all(&uki).unwrap();
    path
}

/// Takes the signature out of a program.
fn strip(program: &mut [u8]) {
    let word = |program: &[u8], at: usize| {
        u32::from_le_bytes(program[at..at + 4].try_into().unwrap()) as usize
    };
    let directory = word(program, 0x3c) + 24 + 144;
    let (start, size) = (word(program, directory), word(program, directory + 4));
    program[directory..directory + 8].fill(0);
    program[start..start + size].fill(0);
}

struct Machine {
    qemu: Child,
    console: Receiver<Vec<u8>>,
    seen: String,
}

impl Machine {
    /// Starts a machine that trusts `certificate` only, or one that starts everything.
    fn start(disk: &Path, certificate: Option<&Certificate>, directory: &Path) -> Self {
        let empty = fs::read(EMPTY_STORE).expect("OVMF is installed");
        let (code, store) = match certificate {
            Some(certificate) => {
                let store = variables::enrol(&empty, certificate).unwrap();
                (SECURE_CODE, store)
            }
            None => (PLAIN_CODE, empty),
        };
        let variables = directory.join("variables.fd");
        fs::write(&variables, store).unwrap();
        let flash = |file: &Path, flags: &str| {
            format!("if=pflash,format=raw,file={}{flags}", file.display())
        };
        // One processor: among several emulated ones, one may still run code that another one has
        // patched, which ends the kernel before it comes to what is tested.
        let mut qemu = ichor_tether::spawn("qemu-system-x86_64", |command| {
            command
                .args(["-machine", "q35,smm=on", "-accel", "tcg,thread=multi"])
                .args(["-cpu", "max", "-smp", "1", "-m", "1024", "-nic", "none"])
                .args(["-display", "none", "-no-reboot", "-serial", "stdio"])
                .args(["-global", "driver=cfi.pflash01,property=secure,value=on"])
                .args(["-drive", &flash(Path::new(code), ",readonly=on")])
                .args(["-drive", &flash(&variables, "")])
                .arg("-drive")
                .arg(format!(
                    "if=virtio,format=raw,snapshot=on,file={}",
                    disk.display()
                ))
                .stdin(Stdio::null())
                .stdout(Stdio::piped());
        })
        .expect("setpriv is installed");
        let mut output = qemu.stdout.take().unwrap();
        let (sender, console) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let seen = String::new();
        Self {
            qemu,
            console,
            seen,
        }
    }

    /// Waits until the console says one of two things; tells whether it was the first.
    fn says(&mut self, first: &str, second: &str) -> bool {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if self.seen.contains(first) {
                return true;
            }
            if self.seen.contains(second) {
                return false;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.console.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) => panic!("nothing in time:\n{}", self.seen),
                Err(RecvTimeoutError::Disconnected) => panic!("QEMU ended:\n{}", self.seen),
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.qemu.kill().expect("stop QEMU");
        self.qemu.wait().expect("wait for QEMU");
    }
}

fn starts(disk: &Path, certificate: &Certificate, directory: &Path) -> bool {
    Machine::start(disk, Some(certificate), directory).says(STARTED, REFUSED)
}

#[test]
fn vm_secure_boot_starts_the_signed_image() {
    let directory = tempfile::tempdir().unwrap();
    let image = image();
    assert!(starts(&image.disk, &image.certificate, directory.path()));
}

#[test]
fn vm_secure_boot_refuses_a_kernel_image_with_one_flipped_bit() {
    let directory = tempfile::tempdir().unwrap();
    let image = image();
    let disk = altered(&image, directory.path(), |uki| {
        let middle = uki.len() / 2;
        uki[middle] ^= 1;
    });
    assert!(!starts(&disk, &image.certificate, directory.path()));
}

#[test]
fn vm_secure_boot_refuses_an_unsigned_kernel_image() {
    let directory = tempfile::tempdir().unwrap();
    let image = image();
    let disk = altered(&image, directory.path(), |uki| strip(uki));
    assert!(!starts(&disk, &image.certificate, directory.path()));
}

#[test]
fn vm_secure_boot_refuses_the_boot_loader_of_another_key() {
    let directory = tempfile::tempdir().unwrap();
    let key = SigningKey::generate().unwrap();
    let other = Certificate::self_signed(&key, "another key").unwrap();
    let mut machine = Machine::start(&image().disk, Some(&other), directory.path());
    assert!(machine.says("Access Denied", STARTED));
}

#[test]
fn vm_verity_refuses_a_flipped_bit_where_firmware_checks_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let disk = altered(&image(), directory.path(), |uki| {
        // The first block of the root file system, which is read in any case.
        let start = uki.windows(4).position(|part| part == b"hsqs").unwrap();
        uki[start + 200] ^= 1;
    });
    let mut machine = Machine::start(&disk, None, directory.path());
    assert!(machine.says("data block 0 is corrupted", "cannot start"));
    assert!(machine.says("reboot: Restarting system", "cannot start"));
}

#[test]
#[ignore = "another test runs and kills it"]
fn waits_with_a_machine() {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().join("disk.raw");
    File::create(&disk).unwrap().set_len(1 << 20).unwrap();
    let machine = Machine::start(&disk, None, directory.path());
    ichor_tether::testing::wait_to_be_killed(&[machine.qemu.id()]);
}

#[test]
fn vm_a_machine_ends_with_a_test_that_is_killed() {
    let left = ichor_tether::testing::survivors("waits_with_a_machine").unwrap();
    assert!(left.is_empty(), "{left:?}");
}
