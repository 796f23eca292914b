//! Waiting for a file, told by the kernel.

use std::io;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::readable::readable;

/// What is read of events at once; which they are does not matter.
const EVENTS_BYTES: usize = 4096;

/// Returns when there is something at a path.
///
/// # Errors
/// When the kernel refuses to watch.
///
/// Source: inotify(7).
pub(super) async fn appears(path: &Path) -> io::Result<()> {
    let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    let events = readable(events)?;
    let changes = WatchFlags::CREATE
        | WatchFlags::MOVED_TO
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR;
    loop {
        if path.try_exists()? {
            return Ok(());
        }
        let directory = nearest(path);
        match inotify::add_watch(events.get_ref(), directory, changes) {
            Ok(_watch) => {}
            // It went meanwhile.
            Err(rustix::io::Errno::NOENT) => continue,
            Err(error) => return Err(error.into()),
        }
        // What came before the watch is told by nobody.
        if path.try_exists()? || nearest(path) != directory {
            continue;
        }
        let mut guard = events.readable().await?;
        let mut buffer = [0; EVENTS_BYTES];
        loop {
            match rustix::io::read(guard.get_inner(), &mut buffer) {
                Ok(_events) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        guard.clear_ready();
    }
}

/// The directory closest to a path that is there.
fn nearest(path: &Path) -> &Path {
    let mut above = path.ancestors().skip(1);
    above
        .find(|directory| directory.is_dir())
        .unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_file_is_noticed_also_below_directories_that_come_later() {
        let name = format!("ichor-appears-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).unwrap();
        let path = root.join("a/b/file");
        let waiting = tokio::spawn({
            let path = path.clone();
            async move { appears(&path).await }
        });
        for directory in ["a", "a/b"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
            fs::create_dir(root.join(directory)).unwrap();
        }
        fs::write(root.join("a/b/other"), "").unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished());
        fs::write(root.join("a/b/new"), "").unwrap();
        fs::rename(root.join("a/b/new"), &path).unwrap();
        let waited = tokio::time::timeout(Duration::from_secs(10), waiting);
        waited.await.unwrap().unwrap().unwrap();
        appears(&path).await.unwrap();
        fs::remove_dir_all(&root).unwrap();
    }
}
