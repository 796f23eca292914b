//! `cargo xtask bench`: the figures of `PROMISES.md`, measured.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use ichor_imager::packages::WhenGone;

use crate::cargo::Place;
use crate::image::{self, Profile};

/// Builds images and benches, and measures: everything, or only the boot. A promise that is not kept
/// is a failure's exit code.
///
/// # Errors
/// What could not be built or measured.
pub(crate) fn run(root: &Path, profile: Profile, only_boot: bool) -> Result<ExitCode> {
    let outputs = image::run(root, profile, WhenGone::TakeNewest)?;
    let place = Place::usual(root);
    let mut build = place.command("build", profile)?;
    build.args(["--package", "ichor-bench"]);
    if !status(build)? {
        return Ok(ExitCode::FAILURE);
    }
    let program = place.program(profile, "ichor-bench");
    let mut bench = Command::new(&program);
    bench.arg(if only_boot { "boot" } else { "all" });
    bench
        .arg("--disk")
        .arg(&outputs.disk)
        .arg("--kernel")
        .arg(&outputs.kernel)
        .arg("--guest-program")
        .arg(&program);
    if !only_boot {
        let probed = image::run_with_probe(root, profile, WhenGone::TakeNewest)?;
        bench
            .arg("--squashfs")
            .arg(&outputs.rootfs)
            .arg("--probe-disk")
            .arg(&probed.disk);
    }
    Ok(match status(bench)? {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn status(mut command: Command) -> Result<bool> {
    let program = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("run {program}"))?;
    Ok(status.success())
}
