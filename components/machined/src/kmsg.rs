//! The kernel log, read.
//!
//! Source: Documentation/ABI/testing/dev-kmsg. One read gives one record:
//! `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;MESSAGE`, then lines of properties.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use jiff::{SignedDuration, Timestamp};
use tokio::io::unix::AsyncFd;

use crate::readable::readable;

/// A record is never longer.
const RECORD_BYTES_MAX: usize = 8192;

const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];
const PRIORITIES: &[&str] = &[
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

/// Which part of the log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// All that the kernel still has.
    Start,
    /// Only what comes.
    End,
}

/// A reader of the kernel log with a position of its own.
pub(crate) struct Reader {
    file: AsyncFd<File>,
    /// When the kernel's clock began.
    epoch: Timestamp,
}

impl Reader {
    /// # Errors
    /// Those of opening `/dev/kmsg`.
    pub(crate) fn open(from: From) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default())
            .open("/dev/kmsg")?;
        if from == From::End {
            file.seek(SeekFrom::End(0))?;
        }
        let uptime = i64::try_from(crate::timeline::now()).unwrap_or_default();
        Ok(Self {
            file: readable(file)?,
            epoch: Timestamp::now() - SignedDuration::from_nanos(uptime),
        })
    }

    /// The next line that is there already; `None` when there is none.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn try_next(&mut self) -> io::Result<Option<String>> {
        let mut record = vec![0; RECORD_BYTES_MAX];
        loop {
            match self.file.get_ref().read(&mut record) {
                Ok(length) => {
                    let text = String::from_utf8_lossy(record.get(..length).unwrap_or_default());
                    if let Some(line) = format_record(&text, self.epoch) {
                        return Ok(Some(line));
                    }
                }
                // The record at our position was overwritten: the kernel goes on with the oldest.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns when there may be a line.
    ///
    /// # Errors
    /// Those of polling.
    pub(crate) async fn wait(&self) -> io::Result<()> {
        self.file.readable().await?.clear_ready();
        Ok(())
    }
}

/// `FACILITY: PRIORITY: [TIME]: MESSAGE`; `None` for what is not a record.
pub(crate) fn format_record(record: &str, epoch: Timestamp) -> Option<String> {
    let (prefix, rest) = record.split_once(';')?;
    let mut fields = prefix.split(',');
    let code: usize = fields.next()?.parse().ok()?;
    let microseconds: i64 = fields.nth(1)?.parse().ok()?;
    let facility = FACILITIES.get(code >> 3).copied().unwrap_or_default();
    let priority = PRIORITIES.get(code & 7).copied().unwrap_or_default();
    let time = epoch
        .checked_add(SignedDuration::from_micros(microseconds))
        .ok()?;
    let message = rest.lines().next().unwrap_or_default();
    Some(format!("{facility}: {priority:>7}: [{time}]: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_a_record_as_clients_expect_it() {
        let record = "30,339,5140900,-;service started\n SUBSYSTEM=x\n";
        let line = format_record(record, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(
            line,
            "daemon:    info: [1970-01-01T00:00:05.1409Z]: service started"
        );
    }

    #[test]
    fn passes_over_what_is_no_record() {
        for text in ["", ";", "x,1,2;y", "6,1;y", "6,1,x,-;y"] {
            assert_eq!(format_record(text, Timestamp::UNIX_EPOCH), None, "{text}");
        }
    }
}
