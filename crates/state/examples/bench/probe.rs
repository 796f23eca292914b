//! How fast this machine is just now.

use std::hint::black_box;
use std::time::Instant;

use sha2::{Digest, Sha256};

const HASHED_BYTES: usize = 64 << 20;
const STEPS: u64 = 200_000_000;

/// SHA-256 in MB/s, and a chain of multiplications that a compiler cannot shorten.
pub(crate) fn measure() -> String {
    let data = vec![0x5a; HASHED_BYTES];
    let start = Instant::now();
    black_box(Sha256::digest(black_box(&data)));
    let megabytes = HASHED_BYTES as f64 / 1e6 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut number = black_box(1_u64);
    for step in 0..STEPS {
        number = (number ^ (number >> 29) ^ step).wrapping_mul(6_364_136_223_846_793_005);
    }
    black_box(number);
    let millions = STEPS as f64 / 1e6 / start.elapsed().as_secs_f64();
    format!("sha256 {megabytes:.0} MB/s, integer loop {millions:.0} M steps/s")
}
