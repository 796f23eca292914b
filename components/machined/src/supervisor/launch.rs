//! Starting a service for real: its control group, sockets, log and process.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use ichor_log::NOTICE;
use ichor_rights::{Health, PID_1_OOM_SCORE, Program, Service, confine};
use ichor_sys::handover::VARIABLE;
use ichor_sys::kmsg::{self as kernel_log, Level};
use ichor_sys::process::Command;
use rustix::process::Signal;
use tokio::io::BufReader;
use tokio::net::unix::pipe;
use tracing::{info, warn};

use super::children::Children;
use super::service::{LaunchError, Launcher, Running};
use crate::cgroups::Cgroups;
use crate::logs::Logs;
use crate::logs::lines::next_line;
use crate::memories::Memories;
use crate::sockets::Sockets;

/// How many lines of a process the console shows: it belongs to everybody.
const NOTICES_MAX: usize = 8;
/// The one binary of the OS.
const BINARY: &str = "/usr/bin/ichor-os";
const SEARCH_PATH: &str = "/usr/sbin:/usr/bin";
/// The first descriptor that is handed over.
const FIRST_DESCRIPTOR: i32 = 3;

/// What decides which process the kernel ends when memory runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OomScores {
    /// Each process has its own, as its row of the table says.
    Own,
    /// All have that of PID 1, which may not lower it.
    Inherited,
}

impl OomScores {
    /// Lowers that of PID 1. From then on any may be set, as none is lower.
    pub(crate) fn apply_to_pid_1() -> Self {
        match ichor_sys::process::lower_oom_score(PID_1_OOM_SCORE) {
            Ok(()) => Self::Own,
            Err(error) => {
                info!(%error, "no OOM scores here: services keep that of PID 1");
                Self::Inherited
            }
        }
    }
}

/// Starts services as processes. Cloning shares it.
#[derive(Clone)]
pub(crate) struct ProcessLauncher {
    pub(crate) children: Children,
    pub(crate) logs: Logs,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) memories: Arc<Memories>,
    /// `None` where there is no hierarchy that may be used.
    pub(crate) cgroups: Option<Cgroups>,
    pub(crate) oom_scores: OomScores,
    /// The binary that is run; that of the running system in production.
    pub(crate) binary: &'static str,
}

impl ProcessLauncher {
    pub(crate) const BINARY: &'static str = BINARY;

    fn prepare(&self, id: &'static str) -> Result<Command, LaunchError> {
        let service =
            ichor_rights::service(id).ok_or_else(|| format!("there is no service {id}"))?;
        let mut command = self.command(service)?;
        if let Some(cgroups) = &self.cgroups {
            let path = cgroups.make_limited(&group(id), &service.rights.limits.settings())?;
            command = command.cgroup(path);
        }
        if self.oom_scores == OomScores::Own {
            command = command.oom_score(service.oom_score);
        }
        let (read, write) = pipe_pair()?;
        self.collect(id, read)?;
        Ok(command.output(write)?)
    }

    fn command(&self, service: &Service) -> Result<Command, LaunchError> {
        let mut command = match service.program {
            Program::Foreign {
                path,
                name,
                arguments,
            } => {
                let mut command = Command::new(path, name).env("PATH", SEARCH_PATH);
                for argument in arguments {
                    command = command.arg(argument);
                }
                command
            }
            Program::Component => {
                let mut command = Command::new(self.binary, service.id)
                    .env("PATH", SEARCH_PATH)
                    .env("ICHOR_STATE_SOCKET", Sockets::state_path(service.id))
                    .env(
                        "ICHOR_SERVICE_SOCKETS",
                        self.sockets.served_to(service.rights.uid),
                    );
                let mut listed = Vec::new();
                let given = self.sockets.of(service)?.into_iter();
                let given = given.chain(self.memories.of(service.id)?);
                for (number, (name, descriptor)) in (FIRST_DESCRIPTOR..).zip(given) {
                    command = command.descriptor(descriptor, number)?;
                    listed.push(format!("{name}:{number}"));
                }
                command.env(VARIABLE, listed.join(","))
            }
        };
        if let Health::Told { silence_max } = service.health {
            command = command
                .env("NOTIFY_SOCKET", Sockets::notices_path(service.id))
                .env("WATCHDOG_USEC", silence_max.as_micros().to_string());
        }
        Ok(confine(command, &service.rights)?)
    }

    /// Keeps what the process says, line by line, until it and its children are gone.
    fn collect(&self, id: &'static str, read: OwnedFd) -> Result<(), LaunchError> {
        let ring = self.logs.ring(id);
        let reader = pipe::Receiver::from_owned_fd(read)?;
        tokio::spawn(async move {
            let mut reader = BufReader::new(reader);
            let mut notices = 0;
            loop {
                match next_line(&mut reader).await {
                    Ok(Some(line)) => {
                        let line = String::from_utf8_lossy(&line);
                        let notice = line.strip_prefix(NOTICE);
                        if let Some(text) = notice.filter(|_| notices < NOTICES_MAX) {
                            kernel_log::write(Level::Info, &format!("{id}: {text}"));
                            notices += 1;
                        }
                        ring.add(notice.unwrap_or(&line));
                    }
                    Ok(None) => return,
                    Err(error) => {
                        warn!(%error, service = id, "reading its log failed");
                        return;
                    }
                }
            }
        });
        Ok(())
    }
}

impl Launcher for ProcessLauncher {
    fn launch(&self, id: &'static str) -> BoxFuture<'_, Result<Running, LaunchError>> {
        let launcher = self.clone();
        Box::pin(self.children.spawn(move || launcher.prepare(id)))
    }

    fn terminate(&self, pid: u32) {
        if let Err(error) = ichor_sys::process::signal(pid, Signal::TERM) {
            warn!(%error, pid, "sending SIGTERM failed");
        }
    }

    fn kill(&self, id: &'static str, pid: u32) {
        if let Some(cgroups) = &self.cgroups
            && let Err(error) = cgroups.kill(&group(id))
        {
            warn!(%error, service = id, "killing its control group failed");
        }
        if let Err(error) = ichor_sys::process::signal(pid, Signal::KILL) {
            warn!(%error, pid, "sending SIGKILL failed");
        }
    }
}

fn group(id: &str) -> String {
    format!("system/{id}")
}

/// A pipe whose reading end does not block; the writing end is for another process.
fn pipe_pair() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(read.as_fd(), true)?;
    Ok((read, write))
}
