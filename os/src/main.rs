//! The one static binary of the operating system.
fn main() {}
