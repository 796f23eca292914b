//! A client of QEMU's control socket (QMP: one JSON object per line, events between answers).

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A connection. A machine talks to one client at a time, so it is kept for a short while only.
#[derive(Debug)]
pub struct Qmp {
    reader: BufReader<UnixStream>,
    /// A line that a deadline cut off; the rest comes with the next read.
    partial: Vec<u8>,
    /// Events that came while an answer was awaited.
    events: VecDeque<Value>,
}

/// Why a command had no effect.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// The socket cannot be reached: the machine is off.
    #[error("connect to {}", path.display())]
    Connect {
        /// The control socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke, or QEMU was silent for too long.
    #[error("{doing} over the control socket")]
    Transfer {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// QEMU refused.
    #[error("{command}: {message}")]
    Refused {
        /// The command.
        command: String,
        /// QEMU's words.
        message: String,
    },
}

/// QEMU answers within milliseconds; a starved host takes longer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

/// Far above any answer that is asked for here.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Qmp {
    /// Connects and leaves negotiation mode.
    ///
    /// # Errors
    /// [`QmpError::Connect`] when nothing listens, [`QmpError::Transfer`] when QEMU does not answer.
    pub fn connect(path: &Path) -> Result<Self, QmpError> {
        let stream = UnixStream::connect(path).map_err(|source| QmpError::Connect {
            path: path.to_owned(),
            source,
        })?;
        let mut qmp = Self::over(stream);
        qmp.read("greeting", Instant::now() + ANSWER_TIME_MAX)?;
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// A connection on which nothing was said yet.
    pub(crate) fn over(stream: UnixStream) -> Self {
        Self {
            reader: BufReader::new(stream),
            partial: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// Runs a command and gives what it returns.
    ///
    /// # Errors
    /// [`QmpError::Refused`] with QEMU's words.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, QmpError> {
        let mut line = json!({ "execute": command, "arguments": arguments }).to_string();
        line.push('\n');
        self.reader
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(|source| QmpError::Transfer {
                doing: command.to_owned(),
                source,
            })?;
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        loop {
            let mut message = self.read(command, deadline)?;
            if message.get("event").is_some() {
                self.events.push_back(message);
            } else if let Some(error) = message.get("error") {
                let message = error
                    .get("desc")
                    .and_then(Value::as_str)
                    .unwrap_or("no reason");
                return Err(QmpError::Refused {
                    command: command.to_owned(),
                    message: message.to_owned(),
                });
            } else {
                return Ok(message
                    .get_mut("return")
                    .map(Value::take)
                    .unwrap_or_default());
            }
        }
    }

    /// Waits for an event of that name for which `accept` holds on its data; drops others.
    ///
    /// # Errors
    /// [`QmpError::Transfer`] when it does not come in time.
    pub fn wait_for_event(
        &mut self,
        name: &str,
        patience: Duration,
        accept: impl Fn(&Value) -> bool,
    ) -> Result<Value, QmpError> {
        let deadline = Instant::now() + patience;
        loop {
            let message = match self.events.pop_front() {
                Some(event) => event,
                None => self.read(name, deadline)?,
            };
            let data = message.get("data").cloned().unwrap_or_default();
            if message.get("event").and_then(Value::as_str) == Some(name) && accept(&data) {
                return Ok(data);
            }
        }
    }

    fn read(&mut self, doing: &str, deadline: Instant) -> Result<Value, QmpError> {
        self.read_line(deadline)
            .and_then(|line| Ok(serde_json::from_slice(&line)?))
            .map_err(|source| QmpError::Transfer {
                doing: doing.to_owned(),
                source,
            })
    }

    fn read_line(&mut self, deadline: Instant) -> io::Result<Vec<u8>> {
        while !self.partial.ends_with(b"\n") {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.reader.get_ref().set_read_timeout(Some(left))?;
            let (count, ended) = match self.reader.fill_buf() {
                Ok([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    let line = bytes.split_inclusive(|byte| *byte == b'\n').next();
                    let line = line.unwrap_or_default();
                    self.partial.extend_from_slice(line);
                    (line.len(), self.partial.len() > LINE_BYTES_MAX)
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            self.reader.consume(count);
            if ended {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(std::mem::take(&mut self.partial))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// Plays QEMU: for each line read, writes the next of `answers`, which begin with a greeting.
    fn serve(answers: Vec<&'static str>) -> (tempfile::TempDir, Qmp) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("qmp");
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            stream.write_all(b"{\"QMP\": {}}\r\n").unwrap();
            for answer in answers {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let qmp = Qmp::connect(&path).unwrap();
        (directory, qmp)
    }

    #[test]
    fn events_between_answers_are_kept() {
        let (_directory, mut qmp) = serve(vec![
            "{\"return\": {}}\r\n",
            "{\"event\": \"STOP\"}\r\n{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"a\"}}\r\n{\"return\": {\"status\": \"running\"}}\r\n",
        ]);
        let status = qmp.execute("query-status", &json!({})).unwrap();
        assert_eq!(status["status"], "running");
        let data = qmp
            .wait_for_event("DEVICE_DELETED", Duration::from_secs(1), |data| {
                data["device"] == "a"
            })
            .unwrap();
        assert_eq!(data["device"], "a");
    }

    #[test]
    fn a_refusal_carries_the_reason() {
        let (_directory, mut qmp) = serve(vec![
            "{\"return\": {}}\n",
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Device 'x' not found\"}}\n",
        ]);
        let error = qmp
            .execute("set_link", &json!({ "name": "x" }))
            .unwrap_err();
        assert_eq!(error.to_string(), "set_link: Device 'x' not found");
    }

    #[test]
    fn a_missing_event_is_an_error_in_time() {
        let (_directory, mut qmp) = serve(vec!["{\"return\": {}}\n"]);
        let start = Instant::now();
        let result = qmp.wait_for_event("RESET", Duration::from_millis(50), |_| true);
        assert!(
            matches!(result, Err(QmpError::Transfer { .. })),
            "{result:?}"
        );
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
