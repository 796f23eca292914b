//! What earlier builds have left in the cache, and when it goes.
//!
//! A use is a time of change, which the file system keeps: nothing else has to be written.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::ImageError;
use crate::error::at;

/// For so long it is kept for a build that may come: other branches, an older release.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

/// Records that a file or directory is used now.
pub(crate) fn touch(path: &Path) -> Result<(), ImageError> {
    let touched = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    touched.map_err(at("record the use of", path))
}

/// Removes what nobody has used for a month from a directory: files and directories whose names
/// `is_ours` accepts.
pub(crate) fn remove(directory: &Path, is_ours: impl Fn(&str) -> bool) -> Result<(), ImageError> {
    let read = at("read directory", directory);
    for entry in fs::read_dir(directory).map_err(read)? {
        let path = entry.map_err(at("read directory", directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(&is_ours) && is_unused(&path) {
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.map_err(at("remove", &path))?;
        }
    }
    Ok(())
}

/// One that another build has just removed is none of ours any more.
fn is_unused(path: &Path) -> bool {
    let changed = path.symlink_metadata().and_then(|data| data.modified());
    let age = changed.ok().and_then(|changed| changed.elapsed().ok());
    age.is_some_and(|age| age > KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_a_month_goes() {
        let cache = tempfile::tempdir().unwrap();
        let path = |name: &str| cache.path().join(name);
        let old = SystemTime::now() - KEPT - Duration::from_secs(60);
        for name in ["tree-old", "tree-used", "other"] {
            fs::create_dir(path(name)).unwrap();
            fs::write(path(name).join("file"), "x").unwrap();
            File::open(path(name)).unwrap().set_modified(old).unwrap();
        }
        fs::write(path("tree-file"), "x").unwrap();
        touch(&path("tree-used")).unwrap();
        remove(cache.path(), |name| name.starts_with("tree-")).unwrap();
        let mut left: Vec<_> = fs::read_dir(cache.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["other", "tree-file", "tree-used"]);
    }
}
