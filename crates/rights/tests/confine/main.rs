//! Rights on real processes.

#[cfg(test)]
mod processes;
