//! What a build is doing.

/// A step that a build begins. Each takes from a second to minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Reads what the archive has.
    Index {
        /// The suite of Debian.
        suite: &'a str,
    },
    /// Downloads a package that is not in the cache.
    Download {
        /// Its place in the lock file, from 1 on.
        number: usize,
        /// How many packages the lock file has.
        count: usize,
        /// Its name.
        name: &'a str,
        /// Its version.
        version: &'a str,
    },
    /// Unpacks all packages of a lock file.
    Unpack {
        /// How many they are.
        count: usize,
    },
    /// Makes a part of the image.
    Make(
        /// Its name.
        &'a str,
    ),
}

/// Hears of each step when it begins; the one before has ended then.
pub type Progress<'a> = &'a dyn Fn(Step<'_>);
