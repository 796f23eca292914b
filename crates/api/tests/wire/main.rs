//! The contract against the facts of the wire.

#[cfg(test)]
mod facts;
