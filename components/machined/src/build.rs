//! What was built.

/// What the binary knows of its own build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    /// That of the sources, with `-dirty` when they differ from it, or `unknown`.
    pub(crate) commit: &'static str,
}
