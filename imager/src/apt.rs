//! Debian packages through apt, with a state of its own: the host is not touched, and apt checks
//! the archive's signatures with the host's keyring.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ImageError;
use crate::error::at;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt with a private state.
#[derive(Debug)]
pub struct Apt {
    directory: PathBuf,
}

impl Apt {
    /// Prepares a state in `directory` for a suite, from the mirror that the host uses, and reads
    /// the archive's indices. The host's apt.conf.d holds, so its proxies do.
    ///
    /// # Errors
    /// [`ImageError`]; without a network what apt said.
    pub fn open(directory: &Path, suite: &str) -> Result<Self, ImageError> {
        for part in ["lists/partial", "cache/archives/partial", "etc", "down"] {
            let path = directory.join(part);
            fs::create_dir_all(&path).map_err(at("make directory", &path))?;
        }
        let mirror = host_mirror()?;
        let signed = format!("[arch=amd64 signed-by={KEYRING}]");
        let sources = format!(
            "deb {signed} {mirror} {suite} main\ndeb {signed} {mirror} {suite}-updates main\n"
        );
        let apt = Self {
            directory: directory.to_owned(),
        };
        let root = directory.display();
        let configuration = format!(
            "Dir::State \"{root}\";\nDir::State::status \"{root}/status\";\nDir::Cache \"{root}/cache\";\n\
             Dir::Etc::sourcelist \"{root}/etc/sources.list\";\nDir::Etc::sourceparts \"-\";\n\
             APT::Architecture \"amd64\";\nAPT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\n"
        );
        apt.write("status", "")?;
        apt.write("etc/sources.list", &sources)?;
        apt.write("apt.conf", &configuration)?;
        apt.run("apt-get", &["update", "-q"])?;
        Ok(apt)
    }

    /// The newest version of a package in the suite.
    ///
    /// # Errors
    /// [`ImageError::Missing`].
    pub fn newest(&self, name: &str) -> Result<String, ImageError> {
        let shown = self.run("apt-cache", &["show", "--no-all-versions", name]);
        let missing = |_| ImageError::Missing {
            what: format!("package {name}"),
        };
        let shown = shown.map_err(missing)?;
        let version = shown
            .lines()
            .find_map(|line| line.strip_prefix("Version: "));
        version
            .map(str::to_owned)
            .ok_or_else(|| ImageError::Missing {
                what: format!("package {name}"),
            })
    }

    /// Downloads a package; apt has checked it against the signed index.
    ///
    /// # Errors
    /// [`ImageError::Tool`] with what apt said, for example that the version is gone.
    pub fn download(&self, name: &str, version: &str) -> Result<PathBuf, ImageError> {
        let into = self.directory.join("down");
        let before = files(&into)?;
        for old in before {
            fs::remove_file(&old).map_err(at("remove", &old))?;
        }
        self.run("apt-get", &["download", "-q", &format!("{name}={version}")])?;
        files(&into)?.pop().ok_or_else(|| ImageError::Missing {
            what: format!("the file of package {name}"),
        })
    }

    fn write(&self, name: &str, text: &str) -> Result<(), ImageError> {
        let path = self.directory.join(name);
        fs::write(&path, text).map_err(at("write", &path))
    }

    fn run(&self, tool: &str, arguments: &[&str]) -> Result<String, ImageError> {
        let mut command = Command::new(tool);
        command
            .args(arguments)
            .current_dir(self.directory.join("down"))
            .env("APT_CONFIG", self.directory.join("apt.conf"))
            .env("LC_ALL", "C.UTF-8");
        run(&mut command)
    }
}

/// Runs a host tool and returns what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, ImageError> {
    let name = format!("{command:?}");
    let output = command.output().map_err(|error| ImageError::Tool {
        command: name.clone(),
        output: error.to_string(),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ImageError::Tool {
        command: name,
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let entries = fs::read_dir(directory).map_err(at("read", directory))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(at("read", directory))?.path());
    }
    Ok(paths)
}

/// The first Debian mirror that the host's apt uses.
fn host_mirror() -> Result<String, ImageError> {
    let mut candidates = vec![PathBuf::from("/etc/apt/sources.list")];
    let parts = Path::new("/etc/apt/sources.list.d");
    if parts.is_dir() {
        let mut found = files(parts)?;
        found.sort();
        candidates.extend(found);
    }
    for path in candidates.iter().filter(|path| path.is_file()) {
        let text = fs::read_to_string(path).map_err(at("read", path))?;
        if let Some(mirror) = parse_mirror(&text) {
            return Ok(mirror);
        }
    }
    Err(ImageError::NoMirror(
        "no source with a Debian suite was found",
    ))
}

/// The mirror of a one-line or deb822 source that is Debian's main archive.
fn parse_mirror(text: &str) -> Option<String> {
    let is_archive = |uri: &str| {
        (uri.starts_with("http") || uri.starts_with("file") || uri.starts_with("mirror"))
            && uri.trim_end_matches('/').ends_with("/debian")
    };
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"))
        .flat_map(str::split_whitespace)
        .find(|word| is_archive(word))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mirror_in_both_forms_of_sources() {
        let one_line = "# deb http://x.example/debian a\ndeb [arch=amd64] https://m.example/debian bookworm main\n";
        assert_eq!(parse_mirror(one_line).unwrap(), "https://m.example/debian");
        let deb822 = "Types: deb\nURIs: http://m.example/debian/\nSuites: bookworm\n";
        assert_eq!(parse_mirror(deb822).unwrap(), "http://m.example/debian/");
        assert_eq!(
            parse_mirror("URIs: http://m.example/debian-security\n"),
            None
        );
    }
}
