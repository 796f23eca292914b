//! The serial port, as the machine sees it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ichor_sys::socket::{DeviceEvents, device_events};
use rustix::event::{PollFd, PollFlags, poll};

use crate::PORT;

/// The kernel tells nobody that the other end has come.
const PAUSE: Duration = Duration::from_millis(50);
const BLOCK: usize = 64 * 1024;

/// Opens the port as soon as its driver, which others load, has made it.
pub(super) fn open() -> io::Result<File> {
    let events = device_events(&[DeviceEvents::Kernel])?;
    loop {
        if let Some(device) = find(Path::new("/sys/class/virtio-ports"))? {
            return OpenOptions::new().read(true).write(true).open(device);
        }
        wait_for_a_port(&events)?;
    }
}

/// The device of the port. There is no such class before there is a driver.
fn find(class: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(class) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        // A port has its name a moment after it is there.
        let name = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        if name.trim_end() == PORT {
            return Ok(Some(Path::new("/dev").join(entry.file_name())));
        }
    }
    Ok(None)
}

fn wait_for_a_port(events: &OwnedFd) -> io::Result<()> {
    let mut buffer = [0; 8192];
    loop {
        poll(&mut [PollFd::new(events, PollFlags::IN)], None)?;
        match rustix::io::read(events, &mut buffer) {
            Ok(length) => {
                let event = buffer.get(..length).unwrap_or_default();
                let mut fields = event.split(|byte| *byte == 0);
                if fields.any(|field| field == b"SUBSYSTEM=virtio-ports") {
                    return Ok(());
                }
            }
            // Events were dropped; the one that counts may be among them.
            Err(rustix::io::Errno::NOBUFS) => return Ok(()),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Lines that come over the port.
pub(super) struct Lines<R> {
    port: R,
    waiting: Vec<u8>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(port: R) -> Self {
        Self {
            port,
            waiting: Vec::new(),
        }
    }

    /// The next line, without its end.
    pub(super) fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            let new = self.waiting.get(searched..).unwrap_or_default();
            if let Some(end) = new.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.waiting.drain(..=searched + end).collect();
                line.pop();
                return Ok(line);
            }
            searched = self.waiting.len();
            self.waiting.resize(searched + BLOCK, 0);
            let read = self
                .port
                .read(self.waiting.get_mut(searched..).unwrap_or_default());
            self.waiting
                .truncate(searched + read.as_ref().copied().unwrap_or_default());
            if read? == 0 {
                // Nobody is at the other end. Whoever comes begins a line.
                self.waiting.clear();
                searched = 0;
                std::thread::sleep(PAUSE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one piece per read.
    struct Pieces(Vec<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let piece = match self.0.is_empty() {
                true => return Err(io::ErrorKind::BrokenPipe.into()),
                false => self.0.remove(0),
            };
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn lines_are_put_together_and_what_a_lost_end_sent_is_forgotten() {
        let mut lines = Lines::new(Pieces(vec![b"on", b"e\ntwo\nlost", b"", b"thr", b"ee\n"]));
        assert_eq!(lines.next().unwrap(), b"one");
        assert_eq!(lines.next().unwrap(), b"two");
        assert_eq!(lines.next().unwrap(), b"three");
        assert!(lines.next().is_err());
    }

    #[test]
    fn a_port_is_found_by_its_name() {
        let class = tempfile::tempdir().unwrap();
        assert_eq!(find(&class.path().join("nothing")).unwrap(), None);
        for (device, name) in [("vport1p1", "other\n"), ("vport1p2", "ichor.probe\n")] {
            fs::create_dir(class.path().join(device)).unwrap();
            assert_eq!(find(class.path()).unwrap(), None);
            fs::write(class.path().join(device).join("name"), name).unwrap();
        }
        let found = find(class.path()).unwrap();
        assert_eq!(found.as_deref(), Some(Path::new("/dev/vport1p2")));
    }
}
