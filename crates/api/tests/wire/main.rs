//! The contract against the facts of the wire, and against the last release.

#[cfg(test)]
mod breaks;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod released;
