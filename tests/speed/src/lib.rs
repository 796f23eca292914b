//! The speed probe: how fast a computer is at fixed work, without any of its special instructions.
//!
//! Machines of one kind differ by up to two times, so an absolute time means something only beside
//! this.

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// The computer that limits on times and rates are meant for: [`Speed::sha256_mb`] of it.
pub const MEANT_SHA256_MB: f64 = 330.0;

const BYTES: usize = 8 << 20;
const ROUNDS: u32 = 20_000_000;

/// What a computer achieves.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Speed {
    /// SHA-256 in plain integer instructions, megabytes (10^6) per second.
    pub sha256_mb: f64,
    /// A dependent multiply, rotate and add, millions per second.
    pub steps_m: f64,
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "software SHA-256 {:.1} MB/s, integer loop {:.0} M steps/s",
            self.sha256_mb, self.steps_m
        )
    }
}

/// Measures for less than a second natively, a few in an emulated guest.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a rate")]
pub fn measure() -> Speed {
    let start = Instant::now();
    black_box(digest(BYTES));
    let sha256_mb = BYTES as f64 / 1e6 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut value = 1_u64;
    for round in 0..u64::from(ROUNDS) {
        value = value
            .wrapping_mul(6_364_136_223_846_793_005)
            .rotate_left(17)
            .wrapping_add(round);
    }
    black_box(value);
    let steps_m = f64::from(ROUNDS) / 1e6 / start.elapsed().as_secs_f64();
    Speed { sha256_mb, steps_m }
}

/// SHA-256's compression over `bytes` bytes of zeroes. Source: FIPS 180-4, section 6.2.2.
fn digest(bytes: usize) -> [u32; 8] {
    let mut state = INITIAL;
    for _ in 0..bytes / 64 {
        compress(&mut state, &[0; 16]);
    }
    state
}

fn compress(state: &mut [u32; 8], block: &[u32; 16]) {
    let mut schedule = *block;
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (round, constant) in CONSTANTS.iter().enumerate() {
        // Sixteen words are a ring: the one at a distance of 16 is the one that is replaced.
        let at = |back: usize| schedule.get((round + 16 - back) % 16).copied().unwrap_or(0);
        let word = if round < 16 {
            at(16)
        } else {
            let (s0, s1) = (at(15), at(2));
            let s0 = s0.rotate_right(7) ^ s0.rotate_right(18) ^ (s0 >> 3);
            let s1 = s1.rotate_right(17) ^ s1.rotate_right(19) ^ (s1 >> 10);
            at(16).wrapping_add(s0).wrapping_add(at(7)).wrapping_add(s1)
        };
        if let Some(place) = schedule.get_mut(round % 16) {
            *place = word;
        }
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let first = h
            .wrapping_add(s1)
            .wrapping_add(choice)
            .wrapping_add(*constant)
            .wrapping_add(word);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(s0).wrapping_add(majority));
    }
    for (place, value) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *place = place.wrapping_add(value);
    }
}

const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

#[rustfmt::skip]
const CONSTANTS: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_sha256() {
        // The padded block of the message "abc", and its digest, as FIPS 180-4 gives them.
        let mut block = [0; 16];
        block[0] = 0x6162_6380;
        block[15] = 24;
        let mut state = INITIAL;
        compress(&mut state, &block);
        assert_eq!(state[0], 0xba78_16bf);
        assert_eq!(state[7], 0xf200_15ad);
    }
}
