//! Stage 1: the first program, in the initramfs.
//!
//! It loads the modules that the root needs, attaches the squashfs that lies in memory to a loop
//! device, verifies it by dm-verity against the root hash of the (signed) kernel command line,
//! mounts it, frees the rest of the initramfs and hands over to PID 1 of the root.
//!
//! Its time is on the way of every boot: few system calls, nothing read twice.

mod cpu;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod root;
mod switch;
mod verity;

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use ichor_cmdline::Cmdline;
use ichor_sys::kmsg::{self, Level};
use ichor_sys::module;
use ichor_sys::mount::{Attributes, NewMount};
use ichor_sys::power::{self, Power};

use error::Stage1Error;

/// Modules in the initramfs. Each line of `order` names files that can be loaded at the same time.
const MODULES: &str = "/modules";
/// How long a person may read what went wrong, unless `panic=` says otherwise.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);

/// Runs stage 1. Returns only where the machine cannot be restarted.
pub fn main() -> ExitCode {
    let mut pause = Some(FAILURE_PAUSE);
    let error = match run(&mut pause) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    fail(&error, pause);
    ExitCode::FAILURE
}

/// Sets how long a person may read what went wrong, as soon as that is known.
fn run(pause: &mut Option<Duration>) -> Result<Infallible, Stage1Error> {
    let mut times = Times::default();
    times.mark("begin");
    mount_pseudo()?;
    // Its path is gone while the root is changed.
    kmsg::open();
    let cmdline = read_cmdline()?;
    *pause = failure_pause(&cmdline);
    cpu::check()?;
    times.mark("pseudo file systems");
    load_modules()?;
    times.mark("modules");
    let protection = verity::Protection::from_cmdline(&cmdline)?;
    root::mount(&protection)?;
    times.mark("root");
    switch::to_new_root()?;
    times.mark("switch");
    switch::execute(&times)
}

/// When each part ended, in nanoseconds since the kernel started; for PID 1, which tells.
#[derive(Debug, Default)]
struct Times(String);

impl Times {
    fn mark(&mut self, ended: &str) {
        let blank = if self.0.is_empty() { "" } else { "," };
        self.0
            .push_str(&format!("{blank}{ended}:{}", monotonic_ns()));
    }
}

/// What stage 1 itself needs; PID 1 mounts the rest.
fn mount_pseudo() -> Result<(), Stage1Error> {
    let secure = Attributes::MOUNT_ATTR_NOSUID
        | Attributes::MOUNT_ATTR_NODEV
        | Attributes::MOUNT_ATTR_NOEXEC;
    let devices = NewMount::fs("devtmpfs")
        .option("mode", "0755")
        .attributes(Attributes::MOUNT_ATTR_NOSUID);
    let mounts = [
        ("/dev", devices),
        ("/proc", NewMount::fs("proc").attributes(secure)),
        ("/sys", NewMount::fs("sysfs").attributes(secure)),
    ];
    for (target, mount) in mounts {
        fs::create_dir_all(target).map_err(|source| Stage1Error::Directory {
            path: target.into(),
            source,
        })?;
        mount.attach(Path::new(target))?;
    }
    Ok(())
}

fn read_cmdline() -> Result<Cmdline, Stage1Error> {
    let path = "/proc/cmdline";
    let bytes = fs::read(path).map_err(|source| Stage1Error::Read {
        path: path.into(),
        source,
    })?;
    // The kernel takes any bytes. One argument that is no text must not hide the others.
    Ok(Cmdline::parse(&String::from_utf8_lossy(&bytes)))
}

fn load_modules() -> Result<(), Stage1Error> {
    let directory = Path::new(MODULES);
    let list = directory.join("order");
    let order =
        fs::read_to_string(&list).map_err(|source| Stage1Error::Read { path: list, source })?;
    let insert = |name: &str| module::insert(&directory.join(name), c"");
    for step in order.lines() {
        // Checking a signature is most of the work, and needs nothing of the others.
        thread::scope(|scope| {
            let mut names = step.split_whitespace();
            let first = names.next();
            let others: Vec<_> = names
                .map(|name| scope.spawn(move || insert(name)))
                .collect();
            first.map_or(Ok(()), insert)?;
            // A panic there has been reported by its hook.
            others
                .into_iter()
                .try_for_each(|other| other.join().unwrap_or(Ok(())))
        })?;
    }
    Ok(())
}

/// Says what failed and what happens now, waits so that it can be read, and restarts.
fn fail(error: &Stage1Error, pause: Option<Duration>) {
    let mut text = format!("cannot start: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    kmsg::write(Level::Error, &text);
    let Some(pause) = pause else {
        kmsg::write(Level::Error, "panic=0: the machine stays as it is");
        loop {
            std::thread::park();
        }
    };
    let text = format!("the machine restarts in {} s", pause.as_secs());
    kmsg::write(Level::Error, &text);
    std::thread::sleep(pause);
    power::sync();
    if let Err(error) = power::end(Power::Restart) {
        kmsg::write(Level::Error, &format!("restart: {error}"));
    }
}

/// `None` stands for ever.
fn failure_pause(cmdline: &Cmdline) -> Option<Duration> {
    match cmdline.get("panic").and_then(|text| text.parse().ok()) {
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => Some(FAILURE_PAUSE),
    }
}

fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or_default();
    seconds * 1_000_000_000 + nanoseconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_after_a_failure_follows_the_kernel_argument() {
        let pause = |line| failure_pause(&Cmdline::parse(line));
        assert_eq!(pause(""), Some(FAILURE_PAUSE));
        assert_eq!(pause("panic=3"), Some(Duration::from_secs(3)));
        assert_eq!(pause("panic=0"), None);
    }
}
