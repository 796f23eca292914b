//! The probe itself: it runs in the machine.

mod files;
mod mounts;
mod port;
mod processes;
mod run;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use ichor_sys::kmsg::{self, Level};

use crate::protocol::{Answer, Bytes, Line, Request, encode};
use port::Lines;

/// Where the image has this program.
const OWN_PATH: &str = "/usr/bin/ichor-probe";
/// What the link that this program replaces leads to.
const OS: &str = "/usr/bin/ichor-os";
/// A port that cannot be used is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// As PID 1, starts the probe and becomes the OS; otherwise is the probe.
pub fn main() -> ExitCode {
    if std::process::id() != 1 {
        serve();
    }
    // Without the probe the machine is still one that boots.
    if let Err(error) = start() {
        say(&format!("start in the background: {error}"));
    }
    let error = Command::new(OS)
        .arg0("machined")
        .args(std::env::args_os().skip(1))
        .exec();
    say(&format!("execute {OS}: {error}"));
    ExitCode::FAILURE
}

/// The new process becomes one that PID 1 does not know: an orphan.
fn start() -> io::Result<()> {
    Command::new(OWN_PATH)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
}

fn serve() -> ! {
    loop {
        if let Err(error) = port::open().and_then(converse) {
            say(&error.to_string());
            std::thread::sleep(PAUSE);
        }
    }
}

fn say(text: &str) {
    kmsg::write(Level::Error, &format!("probe: {text}"));
}

/// Answers requests one after the other.
fn converse(mut port: File) -> io::Result<()> {
    let mut lines = Lines::new(port.try_clone()?);
    loop {
        let line = lines.next()?;
        // Not a request: an empty line, or the end of one whose beginning went to an earlier boot.
        let Ok(line) = serde_json::from_slice::<Line<Request>>(&line) else {
            continue;
        };
        let number = line.number;
        let mut send = |answer: Answer| -> io::Result<()> {
            let line = encode(number, answer)?;
            port.write_all(&line)
        };
        let answer = match answer(line.content, &mut send) {
            Ok(answer) => answer,
            Err(error) => match error.raw_os_error() {
                Some(errno) => Answer::Refused { errno },
                None => Answer::Failed {
                    problem: error.to_string(),
                },
            },
        };
        send(answer)?;
    }
}

fn answer(request: Request, send: &mut impl FnMut(Answer) -> io::Result<()>) -> io::Result<Answer> {
    match request {
        Request::Hello => {
            let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
            let boot_id = boot_id.trim_end().to_owned();
            Ok(Answer::Hello { boot_id })
        }
        Request::Run(request) => {
            let show = |stream, content| send(Answer::Output { stream, content });
            Ok(Answer::Ended(run::run(&request, show)?))
        }
        Request::Read { path } => Ok(Answer::Content(Bytes(std::fs::read(path)?))),
        Request::Write { path, content } => done(std::fs::write(path, content.0)),
        Request::MakeDirectory { path } => done(std::fs::create_dir_all(path)),
        Request::List { path } => Ok(Answer::Tree(files::list(&path)?)),
        Request::Mount(call) => done(mounts::mount(&call)),
        Request::Unmount { target } => done(mounts::unmount(&target)),
        Request::Processes => Ok(Answer::Processes(processes::list()?)),
        Request::Signal { pid, signal } => done(processes::signal(pid, signal)),
        Request::Sync => {
            rustix::fs::sync();
            Ok(Answer::Done)
        }
    }
}

fn done(result: io::Result<()>) -> io::Result<Answer> {
    result.map(|()| Answer::Done)
}
