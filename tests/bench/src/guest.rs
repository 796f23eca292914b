//! The speed probe in a guest: the image's kernel, with this program alone.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ichor_vm::{Firmware, choose_accel};
use rustix::system::RebootCommand;
use serde::{Deserialize, Serialize};

use crate::first::monotonic_ns;
use ichor_speed::Speed;

/// What a guest achieves.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct GuestSpeed {
    /// Loops that run long.
    pub(crate) loops: Speed,
    /// From the start of the kernel to that of the first program, in seconds.
    pub(crate) kernel_start_s: f64,
}

/// Before what the program says, in the guest's console.
const MARK: &str = "speed: ";

/// What the only program of a guest does.
pub(crate) fn main() -> Result<ExitCode> {
    // The clock starts with the kernel.
    let kernel_start_s = Duration::from_nanos(monotonic_ns()).as_secs_f64();
    let speed = GuestSpeed {
        loops: ichor_speed::measure(),
        kernel_start_s,
    };
    println!("{MARK}{}", serde_json::to_string(&speed)?);
    rustix::system::reboot(RebootCommand::PowerOff)?;
    Ok(ExitCode::SUCCESS)
}

/// Measures in a guest like those that nodes run in.
///
/// # Errors
/// What QEMU said.
pub(crate) fn measure(kernel: &Path, program: &Path) -> Result<GuestSpeed> {
    let directory = tempfile::tempdir().context("make a directory")?;
    let initramfs = directory.path().join("initramfs");
    let archive = ichor_imager::initramfs::of_program(program)?;
    std::fs::write(&initramfs, archive).context("write the initramfs")?;
    let output = Command::new("qemu-system-x86_64")
        .args(["-machine", "q35", "-m", "2048", "-smp", "2"])
        .args(choose_accel(&Firmware::find()?).arguments())
        .args(["-nodefaults", "-no-user-config", "-no-reboot"])
        .args(["-display", "none", "-serial", "stdio"])
        .args(["-append", "console=ttyS0 quiet panic=-1"])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(&initramfs)
        .stdin(Stdio::null())
        .output()
        .context("run qemu-system-x86_64")?;
    let console = String::from_utf8_lossy(&output.stdout);
    let Some(line) = console.lines().find_map(|line| line.split_once(MARK)) else {
        bail!(
            "the guest did not measure: {console}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    serde_json::from_str(line.1.trim()).context("read what the guest said")
}
