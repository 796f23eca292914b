//! The runtime as controllers see it.

#[cfg(test)]
mod promises;
