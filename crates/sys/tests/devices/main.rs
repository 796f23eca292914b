//! Devices made by the kernel; these tests need root.

#[cfg(test)]
mod verity;
