//! `machined`: PID 1 of a running node.
//!
//! It makes the file system layers, keeps the resource state, serves the machine API on a unix
//! socket, and supervises all other processes. It never ends and never panics on input: whatever
//! fails is logged and tried again, and what a node cannot live without restarts the machine.

mod aside;
mod build;
mod cgroups;
mod coldplug;
mod controllers;
mod drivers;
mod etc;
mod events;
mod facts;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod host;
mod kmsg;
mod layers;
mod logs;
mod memories;
mod node;
mod power_button;
mod proc;
mod progress;
mod reachable;
mod readable;
mod requirements;
mod runtime;
mod sequence;
mod service;
mod shutdown;
mod smbios;
mod sockets;
mod stage;
mod state_access;
mod statuses;
mod supervisor;
mod sysctl;
mod timeline;
mod uevents;

use std::panic;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ichor_cmdline::Cmdline;
use ichor_log::EachLine;
use ichor_sys::kmsg::{self as kernel_log, Level};
use ichor_sys::power::{self, Power};
use ichor_sys::{process, signals};

use build::Build;
use cgroups::Cgroups;
use drivers::Loading;
use host::Host;
use logs::Logs;
use sequence::TaskError;
use shutdown::Outcome;
use timeline::{Kind, Timeline};

pub use layers::overlays::{OverlayError, apply as apply_overlays};

/// Descriptors that PID 1 and its children may have.
const DESCRIPTORS_MAX: u64 = 1 << 20;
const FAILURE_PAUSE: Duration = Duration::from_secs(10);

/// Runs PID 1. Returns only in a container, or where the machine cannot be ended. `commit` is that of
/// the sources.
pub fn main(commit: &'static str) -> ExitCode {
    let host = Host::detect();
    let is_machine = host.is_machine();
    if !is_machine {
        kernel_log::to_stderr();
    }
    let pause = failure_pause(&host.cmdline);
    // All threads inherit the mask; one task reads the signals.
    let blocked = signals::block();
    panic::set_hook(Box::new(|info| {
        kernel_log::write(Level::Error, &info.to_string())
    }));
    let outcome = match blocked {
        Err(error) => {
            kernel_log::write(Level::Error, &format!("block signals: {error}"));
            Outcome::Failed { pause }
        }
        Ok(()) => match panic::catch_unwind(move || boot_and_supervise(host, commit)) {
            Ok(Ok(power)) => Outcome::Asked(power),
            Ok(Err(error)) => {
                kernel_log::write(Level::Error, &describe(&*error));
                Outcome::Failed { pause }
            }
            // The hook has already spoken.
            Err(_panic) => Outcome::Failed { pause },
        },
    };
    if !is_machine {
        return shutdown::leave_container(outcome);
    }
    shutdown::perform(outcome);
    ExitCode::FAILURE
}

/// The program that the kernel calls when it wants a module: `modprobe -q -- NAME`.
pub fn modprobe() -> ExitCode {
    let Some(name) = std::env::args().next_back() else {
        return ExitCode::FAILURE;
    };
    let loaded = drivers::modules().map(|modules| modules.request(&name));
    match loaded {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            kernel_log::write(Level::Warning, &describe(&error));
            ExitCode::FAILURE
        }
        None => ExitCode::FAILURE,
    }
}

/// The programs that the kernel calls to end the machine (`poweroff`, `reboot`): they ask PID 1.
pub fn ask_to_stop() -> ExitCode {
    let called = std::env::args().next().unwrap_or_default();
    let signal = match called.ends_with("reboot") {
        true => rustix::process::Signal::USR1,
        false => rustix::process::Signal::USR2,
    };
    match process::signal(1, signal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            kernel_log::write(Level::Error, &format!("ask PID 1 to end: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn boot_and_supervise(host: Host, commit: &'static str) -> Result<Power, TaskError> {
    let logs = Logs::default();
    start_logging(&logs);
    let timeline = Arc::new(Timeline::default());
    record_stage1(&timeline);
    timeline.begin(Kind::Task, "layers");
    let descriptors = process::raise_descriptor_limit(DESCRIPTORS_MAX);
    if descriptors < DESCRIPTORS_MAX {
        tracing::info!(descriptors, "fewer descriptors than wanted");
    }
    let cgroups = if host.is_machine() {
        requirements::check(&host.cmdline)?;
        layers::apply()?;
        if let Err(error) = power::restart_at_ctrl_alt_del(false) {
            tracing::warn!(%error, "Ctrl-Alt-Del still restarts at once");
        }
        let cgroups = Cgroups::new(cgroups::MOUNT);
        cgroups.prepare()?;
        Some(cgroups)
    } else {
        layers::make_directories()?;
        let own = Cgroups::new(cgroups::MOUNT);
        let usable = own.is_available() && own.prepare().is_ok();
        if !usable {
            tracing::info!("no control groups here: services run without limits");
        }
        usable.then_some(own)
    };
    timeline.end(Kind::Task, "layers");
    // Not beside the controllers: when they are enabled, the kernel patches its own code where every
    // allocation passes. An emulated processor that comes by meanwhile may keep the mark of an
    // unfinished patch (QEMU before 8.1), and the kernel ends with "Oops: int3".
    let network = host
        .is_machine()
        .then(|| Loading::of_network(Arc::clone(&timeline)));
    let build = Build { commit };
    let running = node::run(build, host, logs, cgroups, network, timeline);
    runtime::run(Box::pin(running))?
}

/// Own lines go to the kernel log, which is on the console (in a container to its standard error),
/// and to the log of this service.
fn start_logging(logs: &Logs) {
    let ring = logs.ring("machined");
    ichor_log::to(move || {
        let ring = Arc::clone(&ring);
        EachLine(move |line: &str| {
            kernel_log::write(Level::Info, line.trim_start());
            ring.add(line);
        })
    });
}

/// Stage 1 gives the ends of its parts in its environment: `begin:NS,NAME:NS,...`.
fn record_stage1(timeline: &Timeline) {
    let text = std::env::var("ICHOR_STAGE1_NS").unwrap_or_default();
    let ends: Vec<(&str, u64)> = text
        .split(',')
        .filter_map(|end| end.split_once(':'))
        .filter_map(|(name, ns)| Some((name, ns.parse().ok()?)))
        .collect();
    if let (Some(first), Some(last)) = (ends.first(), ends.last()) {
        timeline.add(Kind::Kernel, "kernel", 0, first.1);
        timeline.add(Kind::Stage1, "stage 1", first.1, last.1);
    }
    for (begun, ended) in ends.iter().zip(ends.iter().skip(1)) {
        let name = format!("stage 1: {}", ended.0);
        timeline.add(Kind::Stage1, &name, begun.1, ended.1);
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

/// An error with all its causes, in one line.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
