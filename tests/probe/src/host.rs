//! The client: it runs where the tests run.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::protocol::{
    Answer, Bytes, Ended, Entry, Line, MountCall, Process, Request, Run, Stream, encode,
};

/// A machine with a probe in it.
#[derive(Debug)]
pub struct Probe {
    socket: BufReader<UnixStream>,
    /// What has come of a line whose end has not.
    partial: Vec<u8>,
    number: u64,
}

/// Why a probe did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The serial port cannot be reached: the machine is off.
    #[error("connect to {}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke, or nothing came in time.
    #[error("ask the probe to {what}")]
    Transfer {
        /// What was asked.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel of the machine refused.
    #[error("{what}: {}", io::Error::from_raw_os_error(*errno))]
    Refused {
        /// What was asked.
        what: String,
        /// The kernel's error number.
        errno: i32,
    },
    /// The probe could not make sense of it.
    #[error("{what}: {problem}")]
    Failed {
        /// What was asked.
        what: String,
        /// The probe's words.
        problem: String,
    },
}

impl ProbeError {
    /// The error number, when it was the kernel of the machine that refused.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused { errno, .. } => Some(*errno),
            _ => None,
        }
    }
}

/// A busy machine under software emulation.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// How often a machine that may be restarting is asked who it is.
const HELLO_PAUSE: Duration = Duration::from_secs(2);

type Result<T> = std::result::Result<T, ProbeError>;

impl Probe {
    /// Connects to the socket of a machine's serial port. The machine may still boot.
    ///
    /// # Errors
    /// [`ProbeError::Connect`].
    pub fn connect(path: &Path) -> Result<Self> {
        let stream = UnixStream::connect(path).map_err(|source| ProbeError::Connect {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            socket: BufReader::new(stream),
            partial: Vec::new(),
            number: 0,
        })
    }

    /// Waits until the machine answers in another boot than `before`, and tells which.
    ///
    /// # Errors
    /// [`ProbeError::Transfer`] when it does not.
    pub fn wait_for_boot(&mut self, before: &str, patience: Duration) -> Result<String> {
        let deadline = Instant::now() + patience;
        loop {
            // What a machine is asked while it goes down gets no answer.
            match self.boot_id_within(HELLO_PAUSE) {
                Ok(id) if id != before => return Ok(id),
                Err(error) if Instant::now() >= deadline => return Err(error),
                _ => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Identifies the boot.
    ///
    /// # Errors
    /// [`ProbeError::Transfer`].
    pub fn boot_id(&mut self) -> Result<String> {
        self.boot_id_within(ANSWER_TIME_MAX)
    }

    fn boot_id_within(&mut self, patience: Duration) -> Result<String> {
        match self.ask("say hello", Request::Hello, patience, |_, _| {})? {
            Answer::Hello { boot_id } => Ok(boot_id),
            other => Err(unexpected("say hello", &other)),
        }
    }

    /// Runs a program; `show` gets what it writes as it comes.
    ///
    /// # Errors
    /// [`ProbeError::Refused`] when it cannot be started. How it ends is no error.
    pub fn run(&mut self, run: &Run, show: impl FnMut(Stream, &[u8])) -> Result<Ended> {
        let what = format!("run {}", run.program.display());
        let patience = Duration::from_secs(run.seconds_max) + ANSWER_TIME_MAX;
        match self.ask(&what, Request::Run(run.clone()), patience, show)? {
            Answer::Ended(ended) => Ok(ended),
            other => Err(unexpected(&what, &other)),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ProbeError::Refused`].
    pub fn read(&mut self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let path = path.as_ref().to_owned();
        let what = format!("read {}", path.display());
        match self.ask_simply(&what, Request::Read { path })? {
            Answer::Content(Bytes(content)) => Ok(content),
            other => Err(unexpected(&what, &other)),
        }
    }

    /// Reads a file of text, without the white space at its end.
    ///
    /// # Errors
    /// [`ProbeError::Refused`].
    pub fn read_text(&mut self, path: impl AsRef<Path>) -> Result<String> {
        let content = self.read(path)?;
        Ok(String::from_utf8_lossy(&content).trim_end().to_owned())
    }

    /// Makes a file, or replaces what is in it.
    ///
    /// # Errors
    /// [`ProbeError::Refused`].
    pub fn write(&mut self, path: impl AsRef<Path>, content: &[u8]) -> Result<()> {
        let path = path.as_ref().to_owned();
        let content = Bytes(content.to_vec());
        let what = format!("write {}", path.display());
        self.act(&what, Request::Write { path, content })
    }

    /// Makes a directory and those above it.
    ///
    /// # Errors
    /// [`ProbeError::Refused`].
    pub fn make_directory(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref().to_owned();
        let what = format!("make directory {}", path.display());
        self.act(&what, Request::MakeDirectory { path })
    }

    /// Everything below a directory that lies on the same file system, by path.
    ///
    /// # Errors
    /// [`ProbeError::Refused`].
    pub fn list(&mut self, path: impl AsRef<Path>) -> Result<BTreeMap<PathBuf, Entry>> {
        let path = path.as_ref().to_owned();
        let what = format!("list {}", path.display());
        // Many machines are asked for this first, and once that went without an answer. Asking twice
        // changes nothing in the machine.
        let request = || Request::List { path: path.clone() };
        let answer = self
            .ask(&what, request(), ANSWER_TIME_MAX / 4, |_, _| {})
            .or_else(|error| match error {
                ProbeError::Transfer { .. } => self.ask_simply(&what, request()),
                error => Err(error),
            })?;
        match answer {
            Answer::Tree(tree) => Ok(tree),
            other => Err(unexpected(&what, &other)),
        }
    }

    /// Calls mount(2).
    ///
    /// # Errors
    /// [`ProbeError::Refused`].
    pub fn mount(&mut self, call: MountCall) -> Result<()> {
        let what = format!("mount {}", call.target.display());
        self.act(&what, Request::Mount(call))
    }

    /// Removes the topmost mount at a path.
    ///
    /// # Errors
    /// [`ProbeError::Refused`].
    pub fn unmount(&mut self, target: impl AsRef<Path>) -> Result<()> {
        let target = target.as_ref().to_owned();
        let what = format!("unmount {}", target.display());
        self.act(&what, Request::Unmount { target })
    }

    /// Waits for the disk with a serial number and gives its device node.
    ///
    /// # Errors
    /// [`ProbeError::Failed`] when it does not come.
    pub fn disk(&mut self, serial: &str) -> Result<PathBuf> {
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        loop {
            let disks = self.list("/sys/block")?;
            for disk in disks.keys().filter_map(|path| path.file_name()) {
                let attribute = Path::new("/sys/block").join(disk).join("serial");
                if self.read_text(attribute).is_ok_and(|text| text == serial) {
                    return Ok(Path::new("/dev").join(disk));
                }
            }
            if Instant::now() >= deadline {
                return Err(ProbeError::Failed {
                    what: format!("find the disk {serial}"),
                    problem: "no disk has that serial number".to_owned(),
                });
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// All processes, kernel threads excepted.
    ///
    /// # Errors
    /// [`ProbeError::Transfer`].
    pub fn processes(&mut self) -> Result<Vec<Process>> {
        let what = "list processes";
        match self.ask_simply(what, Request::Processes)? {
            Answer::Processes(processes) => Ok(processes),
            other => Err(unexpected(what, &other)),
        }
    }

    /// Sends a signal to a process.
    ///
    /// # Errors
    /// [`ProbeError::Refused`].
    pub fn signal(&mut self, pid: u32, signal: i32) -> Result<()> {
        let what = format!("send signal {signal} to process {pid}");
        self.act(&what, Request::Signal { pid, signal })
    }

    /// Writes everything to the disks.
    ///
    /// # Errors
    /// [`ProbeError::Transfer`].
    pub fn sync(&mut self) -> Result<()> {
        self.act("sync", Request::Sync)
    }

    fn act(&mut self, what: &str, request: Request) -> Result<()> {
        match self.ask_simply(what, request)? {
            Answer::Done => Ok(()),
            other => Err(unexpected(what, &other)),
        }
    }

    fn ask_simply(&mut self, what: &str, request: Request) -> Result<Answer> {
        self.ask(what, request, ANSWER_TIME_MAX, |_, _| {})
    }

    fn ask(
        &mut self,
        what: &str,
        request: Request,
        patience: Duration,
        mut show: impl FnMut(Stream, &[u8]),
    ) -> Result<Answer> {
        let broken = |source| ProbeError::Transfer {
            what: what.to_owned(),
            source,
        };
        self.number += 1;
        let line = encode(self.number, request).map_err(|error| broken(error.into()))?;
        let deadline = Instant::now() + patience;
        self.send(&line, deadline).map_err(broken)?;
        loop {
            let line = self.read_line(deadline).map_err(broken)?;
            // A machine that was cut off has sent half a line; the next one begins after it.
            let Ok(line) = serde_json::from_slice::<Line<Answer>>(&line) else {
                continue;
            };
            if line.number != self.number {
                continue;
            }
            let what = what.to_owned();
            return match line.content {
                Answer::Output { stream, content } => {
                    show(stream, &content.0);
                    continue;
                }
                Answer::Refused { errno } => Err(ProbeError::Refused { what, errno }),
                Answer::Failed { problem } => Err(ProbeError::Failed { what, problem }),
                answer => Ok(answer),
            };
        }
    }

    fn send(&mut self, line: &[u8], deadline: Instant) -> io::Result<()> {
        let socket = self.socket.get_mut();
        let left = deadline.saturating_duration_since(Instant::now());
        socket.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
        // The end of a line that an earlier request may have left open.
        socket.write_all(b"\n")?;
        socket.write_all(line)
    }

    fn read_line(&mut self, deadline: Instant) -> io::Result<Vec<u8>> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.socket.get_ref().set_read_timeout(Some(left))?;
            match self.socket.read_until(b'\n', &mut self.partial) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) if self.partial.ends_with(b"\n") => {
                    return Ok(std::mem::take(&mut self.partial));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn unexpected(what: &str, answer: &Answer) -> ProbeError {
    ProbeError::Failed {
        what: what.to_owned(),
        problem: format!("answered {answer:?}"),
    }
}
