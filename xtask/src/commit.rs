//! Which sources are built.

use std::path::Path;
use std::process::Command;

/// What programs read at their own build.
pub(crate) const VARIABLE: &str = "ICHOR_COMMIT";

/// Digits of a commit's name: as many in each clone, however many commits it has.
const DIGITS: usize = 12;

/// The commit that is built, `-dirty` when files differ from it, or `unknown` for sources that are in
/// no repository of their own.
pub(crate) fn load(root: &Path) -> String {
    let unknown = || "unknown".to_owned();
    // Otherwise git would take the repository of a directory above.
    if !root.join(".git").exists() {
        return unknown();
    }
    let short = format!("--short={DIGITS}");
    let Some(commit) = git(root, &["rev-parse", &short, "HEAD"]) else {
        return unknown();
    };
    match git(root, &["status", "--porcelain", "--untracked-files=no"]) {
        Some(changed) if changed.is_empty() => commit,
        Some(_changed) => format!("{commit}-dirty"),
        None => unknown(),
    }
}

/// What git says, unless it fails.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn sources_are_named_by_their_commit() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let run = |arguments: &[&str]| git(root, arguments).unwrap();
        assert_eq!(load(root), "unknown");
        run(&["init", "--quiet"]);
        assert_eq!(load(root), "unknown", "there is no commit");
        let path = root.join("file");
        fs::write(&path, "old").unwrap();
        run(&["add", "file"]);
        let author = ["-c", "user.name=x", "-c", "user.email=x@localhost"];
        let commit = ["commit", "--quiet", "--message=x"];
        run(&[author.as_slice(), &commit].concat());
        let full = run(&["rev-parse", "HEAD"]);
        assert_eq!(load(root), full[..DIGITS]);
        fs::write(root.join("other"), "not of the sources").unwrap();
        assert_eq!(load(root), full[..DIGITS]);
        fs::write(&path, "changed").unwrap();
        assert_eq!(load(root), format!("{}-dirty", &full[..DIGITS]));
        let below = root.join("below");
        fs::create_dir(&below).unwrap();
        assert_eq!(load(&below), "unknown", "it is the commit of another");
    }
}
