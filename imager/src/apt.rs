//! Debian packages through apt, with a state of its own: the host is not touched, and apt checks
//! the archive's signatures with the host's keyring.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ImageError;
use crate::error::at;
use crate::lock::Package;
use crate::sources::{self, Source, Sources};

/// What the Release of its own suites says; that of backports, for example, says more.
const ORIGIN: &str = "Debian";
/// What apt keeps of the indices, so that each command need not read them. Containers often turn it
/// off, in files that hold against APT_CONFIG; arguments hold against these.
const CACHES: [&str; 4] = [
    "-o",
    "Dir::Cache::pkgcache=pkgcache.bin",
    "-o",
    "Dir::Cache::srcpkgcache=srcpkgcache.bin",
];
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
    /// [`ImageError`]; without a network, or with a part of the indices only, what apt said.
    pub fn open(directory: &Path, suite: &str) -> Result<Self, ImageError> {
        let apt = Self::prepare(directory)?;
        apt.read_indices(&sources::load(Path::new("/etc/apt"))?, suite)?;
        Ok(apt)
    }

    /// Makes the state, without an index.
    fn prepare(directory: &Path) -> Result<Self, ImageError> {
        for part in ["lists/partial", "cache/archives/partial", "etc", "down"] {
            let path = directory.join(part);
            fs::create_dir_all(&path).map_err(at("make directory", &path))?;
        }
        let apt = Self {
            directory: directory.to_owned(),
        };
        let root = directory.display();
        // Without the error mode, an index that cannot be fetched is left out, or an old one used.
        let configuration = format!(
            "Dir::State \"{root}\";\nDir::State::status \"{root}/status\";\nDir::Cache \"{root}/cache\";\n\
             Dir::Etc::sourcelist \"{root}/etc/sources.list\";\nDir::Etc::sourceparts \"-\";\n\
             APT::Architecture \"amd64\";\nAPT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\n\
             APT::Update::Error-Mode \"any\";\n"
        );
        apt.write("status", "")?;
        apt.write("apt.conf", &configuration)?;
        Ok(apt)
    }

    fn read_indices(&self, host: &Sources, suite: &str) -> Result<(), ImageError> {
        // apt keeps what it read last, so the large index is read once.
        let mut security = String::new();
        if !host.security.is_empty() {
            security = self.choose(&host.security, &[&format!("{suite}-security")])?;
        }
        let archive = self.choose(&host.archive, &[suite, &format!("{suite}-updates")])?;
        self.update(&(archive + &security))
    }

    /// The lines of the first source that is Debian's.
    fn choose(&self, sources: &[Source], suites: &[&str]) -> Result<String, ImageError> {
        let mut why_not = None;
        for source in sources {
            let lines: String = suites.iter().map(|suite| line(source, suite)).collect();
            if source.is_signed_by_debian() {
                return Ok(lines);
            }
            let is_debian = self.update(&lines).and_then(|()| self.is_from_debian());
            match is_debian {
                Ok(true) => return Ok(lines),
                Ok(false) => {}
                Err(error) => why_not = why_not.or(Some(error)),
            }
        }
        Err(why_not.unwrap_or(ImageError::NoMirror(
            "no source that has a suite of Debian is of the origin Debian",
        )))
    }

    /// Reads the indices of a list of sources, and forgets those of others.
    fn update(&self, list: &str) -> Result<(), ImageError> {
        self.write("etc/sources.list", list)?;
        self.run("apt-get", &["update", "-q"]).map(drop)
    }

    /// Whether all that was read is Debian's, by what its Releases say, which apt has checked.
    fn is_from_debian(&self) -> Result<bool, ImageError> {
        let mut releases = 0;
        for path in files(&self.directory.join("lists"))? {
            if !path.to_string_lossy().ends_with("Release") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(at("read", &path))?;
            let origin = text.lines().find_map(|line| line.strip_prefix("Origin: "));
            if origin.map(str::trim) != Some(ORIGIN) {
                return Ok(false);
            }
            releases += 1;
        }
        Ok(releases > 0)
    }

    /// The newest version of a package in the suite, with the hash that the index has.
    ///
    /// # Errors
    /// [`ImageError::Missing`].
    pub fn newest(&self, name: &str) -> Result<Package, ImageError> {
        self.offer(name).ok_or_else(|| ImageError::Missing {
            what: format!("package {name}"),
        })
    }

    /// A version of a package, when the archive has it.
    pub fn version(&self, name: &str, version: &str) -> Option<Package> {
        self.offer(&format!("{name}={version}"))
    }

    fn offer(&self, which: &str) -> Option<Package> {
        // It fails when there is no such package.
        let shown = self.run("apt-cache", &["show", "--no-all-versions", which]);
        parse_package(&shown.ok()?)
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
            .args(CACHES)
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

/// A package as the index describes it.
pub(crate) fn parse_package(shown: &str) -> Option<Package> {
    let field = |name: &str| {
        let value = shown.lines().find_map(|line| line.strip_prefix(name));
        value.map(str::to_owned)
    };
    Some(Package {
        name: field("Package: ")?,
        version: field("Version: ")?,
        sha256: field("SHA256: ")?,
    })
}

/// Whether one version is older than another, in the order of dpkg. None is older than any.
pub(crate) fn is_older(version: &str, than: &str) -> Result<bool, ImageError> {
    let mut command = Command::new("dpkg");
    command.args(["--compare-versions", version, "lt", than]);
    let problem = match command.output() {
        Ok(output) => match output.status.code() {
            Some(0) => return Ok(true),
            Some(1) => return Ok(false),
            _ => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        },
        Err(error) => error.to_string(),
    };
    Err(ImageError::Tool {
        command: format!("{command:?}"),
        output: problem,
    })
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
pub(crate) mod repository;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_dpkg_does() {
        for (version, than, expected) in [
            ("6.12.9-1", "6.12.10-1", true),
            ("1:1.0", "2.0", false),
            ("1.0~rc1", "1.0", true),
            ("1.0", "1.0", false),
            ("", "0", true),
        ] {
            let older = is_older(version, than).unwrap();
            assert_eq!(older, expected, "{version} {than}");
        }
        assert!(is_older("a version", "1").is_err());
    }

    #[test]
    fn an_index_that_cannot_be_read_is_an_error() {
        let archive = repository::Archive::new("Debian");
        let state = tempfile::tempdir().unwrap();
        let host = |security| Sources {
            archive: vec![archive.source()],
            security: vec![security],
        };
        repository::open(state.path(), &host(archive.source())).unwrap();
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        drop(silent);
        let away = Source {
            uri: format!("http://{address}/debian-security"),
            keyrings: Vec::new(),
        };
        let error = repository::open(state.path(), &host(away)).unwrap_err();
        assert!(error.to_string().contains("trixie-security"), "{error}");
    }

    #[test]
    fn a_source_of_others_is_not_taken_for_debians() {
        let others = repository::Archive::new("Others");
        others.offer("udev", "9");
        let debian = repository::Archive::new("Debian");
        let udev = debian.offer("udev", "1");
        let state = tempfile::tempdir().unwrap();
        let open = |sources: &[&repository::Archive]| {
            let sources: Vec<_> = sources.iter().map(|archive| archive.source()).collect();
            let host = Sources {
                archive: sources.clone(),
                security: sources,
            };
            repository::open(state.path(), &host)
        };
        let apt = open(&[&others, &debian]).unwrap();
        assert_eq!(apt.newest("udev").unwrap(), udev);
        assert_eq!(apt.version("udev", "9"), None);
        let refused = open(&[&others]).unwrap_err();
        assert!(matches!(refused, ImageError::NoMirror(_)), "{refused}");
        // A source without the suite keeps nobody from the next one.
        fs::remove_dir_all(others.suite("trixie")).unwrap();
        open(&[&others, &debian]).unwrap();
    }

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
