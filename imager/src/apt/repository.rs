//! A small archive in a directory, for tests without a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Apt, run};
use crate::ImageError;
use crate::lock::Package;
use crate::sources::{Source, Sources};

const SUITES: [&str; 3] = ["trixie", "trixie-updates", "trixie-security"];

/// An archive with the suites of Debian 13, none of which is signed.
pub(crate) struct Archive {
    directory: TempDir,
    origin: &'static str,
}

impl Archive {
    /// One without packages.
    pub(crate) fn new(origin: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let archive = Self { directory, origin };
        for suite in SUITES {
            archive.write_suite(suite, "");
        }
        archive
    }

    pub(crate) fn suite(&self, name: &str) -> PathBuf {
        self.directory.path().join("dists").join(name)
    }

    /// Makes a package the only one.
    pub(crate) fn offer(&self, name: &str, version: &str) -> Package {
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\n\
             Maintainer: a <a@example.org>\nDescription: for a test\n"
        );
        let tree = self.directory.path().join("tree");
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        fs::write(tree.join("DEBIAN/control"), &control).unwrap();
        fs::write(tree.join("file"), version).unwrap();
        let file = self.file(name);
        let mut build = Command::new("dpkg-deb");
        build.args(["--root-owner-group", "--build"]);
        run(build.arg(&tree).arg(&file)).unwrap();
        let sha256 = crate::packages::hash(&file).unwrap();
        let size = fs::metadata(&file).unwrap().len();
        let entry = format!("{control}Filename: {name}.deb\nSize: {size}\nSHA256: {sha256}\n");
        self.write_suite("trixie", &entry);
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            sha256,
        }
    }

    /// The file of a package.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.deb"))
    }

    fn write_suite(&self, suite: &str, packages: &str) {
        let directory = self.suite(suite);
        let index = directory.join("main/binary-amd64/Packages");
        fs::create_dir_all(index.parent().unwrap()).unwrap();
        fs::write(&index, packages).unwrap();
        let release = format!(
            "Origin: {}\nCodename: {suite}\nArchitectures: amd64\nComponents: main\n\
             Date: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n {} {} main/binary-amd64/Packages\n",
            self.origin,
            crate::packages::hash(&index).unwrap(),
            packages.len(),
        );
        fs::write(directory.join("Release"), release).unwrap();
    }

    pub(crate) fn source(&self) -> Source {
        Source {
            uri: format!("file:{}", self.directory.path().display()),
            keyrings: Vec::new(),
        }
    }

    /// apt with this archive as the host's.
    pub(crate) fn open(&self) -> Result<Apt, ImageError> {
        let host = Sources {
            archive: vec![self.source()],
            security: vec![self.source()],
        };
        open(&self.directory.path().join("state"), &host)
    }
}

/// apt with archives that nobody signed.
pub(crate) fn open(directory: &Path, host: &Sources) -> Result<Apt, ImageError> {
    let apt = Apt::prepare(directory)?;
    let path = directory.join("apt.conf");
    let configuration = fs::read_to_string(&path).unwrap()
        + "Acquire::AllowInsecureRepositories \"true\";\nAPT::Get::AllowUnauthenticated \"true\";\n";
    fs::write(&path, configuration).unwrap();
    apt.read_indices(host, "trixie")?;
    Ok(apt)
}
