//! Running a program.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::protocol::{Bytes, Ended, Run, Stream};

const BLOCK: usize = 16 * 1024;
/// How often is looked whether the program has ended while it writes nothing.
const POLL: Duration = Duration::from_millis(50);
/// Something that it left behind may keep its output open.
const LAST_WORDS: Duration = Duration::from_millis(500);

type Piece = (Stream, Vec<u8>);

/// Runs a program to its end and shows what it writes.
pub(super) fn run(
    run: &Run,
    mut show: impl FnMut(Stream, Bytes) -> io::Result<()>,
) -> io::Result<Ended> {
    let mut child = Command::new(&run.program)
        .args(&run.arguments)
        .env_clear()
        .envs(run.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let pieces = pieces(&mut child);
    let deadline = Instant::now() + Duration::from_secs(run.seconds_max);
    let mut ended = None;
    let mut quiet_since = Instant::now();
    loop {
        match pieces.recv_timeout(POLL) {
            Ok((stream, piece)) => {
                quiet_since = Instant::now();
                show(stream, Bytes(piece))?;
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = match ended {
                    Some(status) => status,
                    None => wait(&mut child, deadline)?,
                };
                return Ok(status);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() {
            ended = child.try_wait()?.map(ended_by);
            if ended.is_some() {
                quiet_since = Instant::now();
            }
        }
        match ended {
            Some(status) if quiet_since.elapsed() >= LAST_WORDS => return Ok(status),
            None if Instant::now() >= deadline => ended = Some(kill(&mut child)?),
            _ => {}
        }
    }
}

/// It has closed its output.
fn wait(child: &mut Child, deadline: Instant) -> io::Result<Ended> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(ended_by(status));
        }
        if Instant::now() >= deadline {
            return kill(child);
        }
        thread::sleep(POLL);
    }
}

fn kill(child: &mut Child) -> io::Result<Ended> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended just now.
        kill_process_group(group, Signal::KILL).ok();
    }
    child.wait()?;
    Ok(Ended::TimedOut)
}

fn ended_by(status: ExitStatus) -> Ended {
    match status.signal() {
        Some(signal) => Ended::Signal(signal),
        None => Ended::Code(status.code().unwrap_or_default()),
    }
}

fn pieces(child: &mut Child) -> Receiver<Piece> {
    let (sender, pieces) = sync_channel(16);
    if let Some(output) = child.stdout.take() {
        forward(Stream::Output, output, sender.clone());
    }
    if let Some(errors) = child.stderr.take() {
        forward(Stream::Error, errors, sender);
    }
    pieces
}

fn forward(stream: Stream, mut from: impl Read + Send + 'static, to: SyncSender<Piece>) {
    thread::spawn(move || {
        let mut block = vec![0; BLOCK];
        while let Ok(length @ 1..) = from.read(&mut block) {
            let piece = block.get(..length).unwrap_or_default().to_vec();
            if to.send((stream, piece)).is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, seconds_max: u64) -> (io::Result<Ended>, String) {
        let mut said = String::new();
        let request = Run {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("WORD".into(), "hello".into())],
            seconds_max,
        };
        let ended = run(&request, |_, content| {
            said.push_str(&String::from_utf8_lossy(&content.0));
            Ok(())
        });
        (ended, said)
    }

    #[test]
    fn tells_how_a_program_ended_and_what_it_said() {
        let (ended, said) = shell("echo $WORD; exit 3", 60);
        assert_eq!((ended.unwrap(), said.as_str()), (Ended::Code(3), "hello\n"));
        let (ended, _) = shell("kill -9 $$", 60);
        assert_eq!(ended.unwrap(), Ended::Signal(9));
    }

    #[test]
    fn what_a_program_leaves_behind_is_not_waited_for() {
        let start = Instant::now();
        let (ended, said) = shell("sleep 300 & echo ok", 60);
        assert_eq!((ended.unwrap(), said.as_str()), (Ended::Code(0), "ok\n"));
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed() {
        for script in ["sleep 300", "exec >&- 2>&-; sleep 300"] {
            assert_eq!(shell(script, 1).0.unwrap(), Ended::TimedOut, "{script}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_refused_with_the_number() {
        let request = Run {
            program: "/nowhere".into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            seconds_max: 1,
        };
        let error = run(&request, |_, _| Ok(())).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(2));
    }
}
