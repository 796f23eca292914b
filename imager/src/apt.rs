//! Debian packages through apt, with a state of its own: the host is not touched, and apt checks
//! the archive's signatures with the host's keyring.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ImageError;
use crate::error::at;
use crate::sources::{self, Source};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// How names of kernel packages begin and end; the version is between.
const KERNEL: &str = "linux-image-";
const FLAVOUR: &str = "-amd64";

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
        let host = sources::load(Path::new("/etc/apt"))?;
        let mut list =
            line(&host.archive, suite) + &line(&host.archive, &format!("{suite}-updates"));
        if let Some(security) = &host.security {
            list += &line(security, &format!("{suite}-security"));
        }
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
        apt.write("etc/sources.list", &list)?;
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

    /// The name that a package has now. Only that of the kernel changes: it holds a version.
    ///
    /// # Errors
    /// [`ImageError::Missing`].
    pub fn successor(&self, name: &str) -> Result<String, ImageError> {
        let version = name
            .strip_prefix(KERNEL)
            .and_then(|rest| rest.strip_suffix(FLAVOUR));
        if version.is_none() {
            return Ok(name.to_owned());
        }
        let meta = format!("{}{FLAVOUR}", KERNEL.trim_end_matches('-'));
        let missing = || ImageError::Missing {
            what: format!("package {meta}"),
        };
        let shown = self.run("apt-cache", &["show", "--no-all-versions", &meta]);
        let shown = shown.map_err(|_error| missing())?;
        parse_kernel(&shown).map(str::to_owned).ok_or_else(missing)
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

/// The kernel that the package for the newest one depends on.
pub(crate) fn parse_kernel(shown: &str) -> Option<&str> {
    let depends = shown
        .lines()
        .find_map(|line| line.strip_prefix("Depends: "))?;
    depends
        .split_whitespace()
        .map(|word| word.trim_end_matches(','))
        .find(|word| word.starts_with(KERNEL) && word.ends_with(FLAVOUR))
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

/// A line of sources.list. The keys that the host uses for its own suite may be older than the
/// suite, so Debian's whole keyring counts as well.
fn line(source: &Source, suite: &str) -> String {
    let mut keyrings = source.keyrings.clone();
    if !keyrings.iter().any(|keyring| keyring == KEYRING) && Path::new(KEYRING).exists() {
        keyrings.push(KEYRING.to_owned());
    }
    let signed = match keyrings.as_slice() {
        [] => String::new(),
        keyrings => format!(" signed-by={}", keyrings.join(",")),
    };
    format!("deb [arch=amd64{signed}] {} {suite} main\n", source.uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_kernel_of_the_meta_package() {
        let shown = "Package: linux-image-amd64\nVersion: 6.12.9-1\n\
            Depends: linux-base, linux-image-6.12.9+deb13-amd64 (= 6.12.9-1)\nSection: kernel\n";
        assert_eq!(parse_kernel(shown), Some("linux-image-6.12.9+deb13-amd64"));
        assert_eq!(parse_kernel("Package: udev\n"), None);
    }

    #[test]
    fn a_source_line_names_the_keyrings_of_the_host_first() {
        let source = Source {
            uri: "http://m.example/debian".into(),
            keyrings: vec!["/k/own.gpg".into()],
        };
        let line = line(&source, "trixie");
        assert!(
            line.starts_with("deb [arch=amd64 signed-by=/k/own.gpg"),
            "{line}"
        );
        assert!(
            line.ends_with("] http://m.example/debian trixie main\n"),
            "{line}"
        );
    }
}
