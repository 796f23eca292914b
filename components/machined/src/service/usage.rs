//! How much space files and directories take.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ichor_api::machine::{DiskUsageInfo, DiskUsageRequest};
use tonic::{Response, Status};

use super::stream::{Answers, Walk, answer_walk};

/// stat(2) counts blocks of this size, whatever the file system uses.
const BLOCK_BYTES: u64 = 512;

/// Answers with the size of each directory (and file, if wanted), children before parents.
pub(crate) fn measure(
    request: DiskUsageRequest,
) -> Result<Response<Answers<DiskUsageInfo>>, Status> {
    let mut roots = Vec::new();
    for path in &request.paths {
        if !path.starts_with('/') {
            return Err(Status::invalid_argument(format!(
                "paths: {path:?} is not absolute"
            )));
        }
        roots.push(PathBuf::from(path));
    }
    if roots.is_empty() {
        roots.push(PathBuf::from("/"));
    }
    roots.reverse();
    let asked = request.paths.join(", ");
    let meter = Meter {
        roots,
        root: PathBuf::new(),
        request,
        stack: Vec::new(),
    };
    Ok(answer_walk(asked, meter))
}

struct Meter {
    /// What is measured after this root, in reverse.
    roots: Vec<PathBuf>,
    root: PathBuf,
    request: DiskUsageRequest,
    /// From the root down to where it is: a tree may be deeper than the stack of a thread.
    stack: Vec<Open>,
}

/// A directory whose children are being measured.
struct Open {
    path: PathBuf,
    children: Vec<PathBuf>,
    size: u64,
    error: String,
}

impl Walk for Meter {
    type Item = DiskUsageInfo;

    fn step(&mut self, found: &mut Vec<DiskUsageInfo>) -> bool {
        let Some(mut top) = self.stack.pop() else {
            let Some(root) = self.roots.pop() else {
                return false;
            };
            self.stack.push(self.open(root.clone()));
            self.root = root;
            return true;
        };
        let Some(child) = top.children.pop() else {
            found.extend(self.report(&top.path, top.size, self.stack.len(), &top.error));
            if let Some(parent) = self.stack.last_mut() {
                parent.size = parent.size.saturating_add(top.size);
            }
            return true;
        };
        if fs::symlink_metadata(&child).is_ok_and(|each| each.is_dir()) {
            self.stack.push(top);
            self.stack.push(self.open(child));
            return true;
        }
        let size = size_of(&child);
        top.size = top.size.saturating_add(size);
        self.stack.push(top);
        if self.request.all {
            found.extend(self.report(&child, size, self.stack.len(), ""));
        }
        true
    }
}

impl Meter {
    fn open(&self, path: PathBuf) -> Open {
        let mut open = Open {
            size: size_of(&path),
            children: Vec::new(),
            error: String::new(),
            path,
        };
        match fs::read_dir(&open.path) {
            Ok(entries) => {
                open.children = entries
                    .filter_map(|entry| Some(entry.ok()?.path()))
                    .collect();
                open.children.sort_by(|a, b| b.cmp(a));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {}
            Err(error) => open.error = error.to_string(),
        }
        open
    }

    /// What is said of a file or directory, when it is wanted.
    fn report(&self, path: &Path, size: u64, depth: usize, error: &str) -> Option<DiskUsageInfo> {
        let too_deep = match usize::try_from(self.request.recursion_depth) {
            Ok(limit) if limit > 0 => depth > limit,
            _ => false,
        };
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let threshold = self.request.threshold;
        // A negative threshold is an upper limit.
        let hidden = (threshold > 0 && size < threshold) || (threshold < 0 && size > -threshold);
        if too_deep || hidden {
            return None;
        }
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        Some(DiskUsageInfo {
            metadata: None,
            name: path.display().to_string(),
            size,
            error: error.to_owned(),
            relative_name: match relative.as_os_str().is_empty() {
                true => self.root.display().to_string(),
                false => relative.display().to_string(),
            },
        })
    }
}

/// The space that a file takes; nothing when it has gone.
fn size_of(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |each| each.blocks().saturating_mul(BLOCK_BYTES))
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_directory_counts_what_is_in_it() {
        let root = std::env::temp_dir().join(format!("ichor-usage-{}", std::process::id()));
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/file"), vec![1; 100_000]).unwrap();
        let request = DiskUsageRequest {
            paths: vec![root.display().to_string()],
            all: true,
            ..DiskUsageRequest::default()
        };
        let stream = measure(request).unwrap().into_inner();
        let infos: Vec<_> = stream.map(|info| info.unwrap()).collect().await;
        let names: Vec<_> = infos
            .iter()
            .map(|info| info.relative_name.as_str())
            .collect();
        assert_eq!(names[..2], ["a/file", "a"]);
        assert!(infos[2].size >= infos[1].size && infos[1].size >= 100_000);
    }
}
