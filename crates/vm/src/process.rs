//! QEMU processes, and when they end.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::qmp::Qmp;

/// Who decides when machines end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// They end with the process that started them, also when that one is killed.
    Caller,
    /// They go on in the background until they are destroyed.
    Background,
}

/// Why QEMU does not run.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program cannot be executed.
    #[error("run {program}; install the package {package}")]
    Run {
        /// Its name.
        program: &'static str,
        /// Where it comes from.
        package: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// QEMU ended at once.
    #[error("QEMU ended at its start: {words}")]
    Ended {
        /// What it wrote to its standard error.
        words: String,
    },
    /// QEMU does not answer on its control socket.
    #[error("QEMU has no control socket {} within {waited:?}", path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// For how long it was tried.
        waited: Duration,
    },
    /// A file beside the process cannot be written or read.
    #[error("use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was killed and is still there.
    #[error("process {pid} does not end")]
    Stuck {
        /// Its number.
        pid: i32,
    },
}

/// What runs a machine, and the package that has it.
pub(crate) const QEMU: &str = "qemu-system-x86_64";
pub(crate) const QEMU_PACKAGE: &str = "qemu-system-x86";

/// QEMU opens its control socket within a tenth of a second; a starved host takes longer.
const START_TIME_MAX: Duration = Duration::from_secs(20);
const STOP_TIME_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// A QEMU with its directory, which holds `pid`, `qmp` (the control socket) and `qemu.log`.
#[derive(Debug)]
pub(crate) struct Process {
    directory: PathBuf,
    /// Absent for a process that another one started.
    child: Option<Child>,
}

pub(crate) fn qmp_path(directory: &Path) -> PathBuf {
    directory.join("qmp")
}

fn pid_path(directory: &Path) -> PathBuf {
    directory.join("pid")
}

impl Process {
    /// Starts QEMU and waits until its control socket answers.
    pub(crate) fn start(
        directory: &Path,
        arguments: &[String],
        lifetime: Lifetime,
    ) -> Result<Self, ProcessError> {
        let log = directory.join("qemu.log");
        let file = |source| ProcessError::File {
            path: log.clone(),
            source,
        };
        let errors = File::create(&log).map_err(file)?;
        let set_up = |command: &mut Command| {
            command
                .args(arguments)
                .arg("-pidfile")
                .arg(pid_path(directory))
                .arg("-qmp")
                .arg(format!(
                    "unix:{},server=on,wait=off",
                    option_value(&qmp_path(directory))
                ))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(errors);
        };
        let spawned = match lifetime {
            Lifetime::Caller => ichor_tether::spawn(QEMU, set_up),
            Lifetime::Background => {
                let mut command = Command::new(QEMU);
                command.arg("-daemonize");
                set_up(&mut command);
                command.spawn()
            }
        };
        let mut child = spawned.map_err(|source| ProcessError::Run {
            program: QEMU,
            package: QEMU_PACKAGE,
            source,
        })?;
        let words = || ProcessError::Ended {
            words: fs::read_to_string(&log).unwrap_or_default(),
        };
        if lifetime == Lifetime::Background {
            // The one that was started ends when the one in the background is ready.
            let status = child.wait().map_err(file)?;
            return match status.success() {
                true => Ok(Self {
                    directory: directory.to_owned(),
                    child: None,
                }),
                false => Err(words()),
            };
        }
        let mut process = Self {
            directory: directory.to_owned(),
            child: Some(child),
        };
        let path = qmp_path(directory);
        let deadline = Instant::now() + START_TIME_MAX;
        while Qmp::connect(&path).is_err() {
            if !process.is_running() {
                return Err(words());
            }
            if Instant::now() >= deadline {
                process.kill()?;
                return Err(ProcessError::Silent {
                    path,
                    waited: START_TIME_MAX,
                });
            }
            thread::sleep(POLL);
        }
        Ok(process)
    }

    /// The process that runs in a directory, if any.
    pub(crate) fn attach(directory: &Path) -> Option<Self> {
        let process = Self {
            directory: directory.to_owned(),
            child: None,
        };
        process.pid().map(|_| process)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => self.pid().is_some(),
        }
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> Result<(), ProcessError> {
        if let Some(child) = &mut self.child {
            // An error means that it has ended; `wait` reaps it.
            child.kill().ok();
            return child.wait().map(drop).map_err(|source| ProcessError::File {
                path: pid_path(&self.directory),
                source,
            });
        }
        let deadline = Instant::now() + STOP_TIME_MAX;
        while let Some(pid) = self.pid() {
            // An error means that it has ended between the two calls.
            kill_process(pid, Signal::KILL).ok();
            if Instant::now() >= deadline {
                return Err(ProcessError::Stuck {
                    pid: pid.as_raw_nonzero().get(),
                });
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Its number, when the file names a process that lives and was started for this directory:
    /// numbers are used again.
    fn pid(&self) -> Option<Pid> {
        let path = pid_path(&self.directory);
        let pid: i32 = fs::read_to_string(&path).ok()?.trim().parse().ok()?;
        let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let ours = path.as_os_str().as_encoded_bytes();
        words
            .split(|byte| *byte == 0)
            .any(|word| word == ours)
            .then(|| Pid::from_raw(pid))
            .flatten()
    }
}

/// A path as the value of a QEMU option, where a comma begins the next one.
pub(crate) fn option_value(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_used_again_is_not_ours() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Process::attach(directory.path()).is_none());
        fs::write(pid_path(directory.path()), std::process::id().to_string()).unwrap();
        assert!(Process::attach(directory.path()).is_none());
    }

    #[test]
    fn vm_what_is_wrong_with_the_arguments_is_said() {
        let directory = tempfile::tempdir().unwrap();
        for lifetime in [Lifetime::Caller, Lifetime::Background] {
            let arguments = ["-machine", "no-such-machine"].map(str::to_owned);
            let error = Process::start(directory.path(), &arguments, lifetime).unwrap_err();
            assert!(
                error.to_string().contains("unsupported machine type"),
                "{error}"
            );
        }
    }

    #[test]
    fn vm_a_process_outlives_the_thread_that_asked_for_it_until_it_is_killed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let mut process = thread::spawn(move || {
            let arguments = ["-machine", "none", "-display", "none"].map(str::to_owned);
            Process::start(&path, &arguments, Lifetime::Caller).unwrap()
        })
        .join()
        .unwrap();
        thread::sleep(Duration::from_millis(100));
        assert!(process.is_running());
        assert!(Process::attach(directory.path()).is_some());
        process.kill().unwrap();
        assert!(!process.is_running());
        assert!(Process::attach(directory.path()).is_none());
    }
}
