//! Why an image could not be built.

use std::io;
use std::path::{Path, PathBuf};

/// Why an image could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file could not be read or written.
    #[error("{what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A host tool failed.
    #[error("{command} failed: {output}")]
    Tool {
        /// The tool and its arguments.
        command: String,
        /// The end of what it said.
        output: String,
    },
    /// The host has no usable Debian source.
    #[error("no Debian mirror is configured in /etc/apt: {0}")]
    NoMirror(&'static str),
    /// A file has not the expected form.
    #[error("{}: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Of a key and its certificate only one is there.
    #[error(
        "{} is missing, and {} is there: {advice}, or move the other away too, so that a new key is \
         made; machines that enforce Secure Boot by the old certificate then start no new image",
        missing.display(),
        present.display()
    )]
    HalfKey {
        /// The half that is not there.
        missing: PathBuf,
        /// The other one.
        present: PathBuf,
        /// Where the missing half may still be.
        advice: &'static str,
    },
    /// A package differs from the lock, and the lock must hold.
    #[error("package {name}: locked {locked}, but the archive has {found}; run `./x lock`")]
    Locked {
        /// Package.
        name: String,
        /// As locked.
        locked: String,
        /// As found.
        found: String,
    },
    /// The archive went back.
    #[error(
        "package {name}: locked {locked}, but the archive's newest is {found}, which is older; \
         its mirror is behind: try later, or another one"
    )]
    Older {
        /// Package.
        name: String,
        /// Version that is locked.
        locked: String,
        /// Newest version of the archive.
        found: String,
    },
    /// Something that the image needs is in no package.
    #[error("{what} is not in the packages of the lock file")]
    Missing {
        /// What.
        what: String,
    },
    /// A part of the image is larger than what was promised.
    #[error("{what} has {bytes} bytes, {bytes_max} are allowed")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The most it may have.
        bytes_max: u64,
    },
    /// An image format refused its content.
    #[error("write the {kind}: {problem}")]
    Encode {
        /// Which format.
        kind: &'static str,
        /// Why.
        problem: String,
    },
}

/// Names the file in errors of the standard library.
pub(crate) fn at<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> ImageError + use<'a> {
    move |source| ImageError::File {
        what,
        path: path.to_owned(),
        source,
    }
}

/// Names the format in errors of its library.
pub(crate) fn encode<E: std::fmt::Display>(kind: &'static str) -> impl FnOnce(E) -> ImageError {
    move |error| ImageError::Encode {
        kind,
        problem: error.to_string(),
    }
}
