//! Changes of an input that still look like one.

use fastrand::Rng;

/// How many changes are made at once.
const CHANGES_MAX: usize = 4;
/// How often a part may be repeated at once.
const REPEATS_MAX: usize = 64;
/// Numbers at which something changes, for fields of one, two, four and eight bytes.
const EDGES: &[u64] = &[
    0,
    1,
    2,
    3,
    7,
    8,
    0x20,
    0x3f,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];
/// What separates the parts of texts, and what numbers in texts begin with.
const SIGNS: &[u8] = b"\0\n\t \"'\\/.,:;=-+*?[]{}()@#%$&|<>~0189azAZ_\x7f\xc3\xe2\xff";

/// Changes an input in a few places. `others` are inputs that it may take parts of.
pub fn mutate(input: &mut Vec<u8>, others: &[Vec<u8>], bytes_max: usize, random: &mut Rng) {
    for _ in 0..random.usize(1..=CHANGES_MAX) {
        change(input, others, random);
        input.truncate(bytes_max);
    }
}

fn change(input: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Rng) {
    let at = random.usize(..=input.len());
    match random.u8(..10) {
        0 => set(input, at, |byte| byte ^ (1 << random.u8(..8))),
        1 => set(input, at, |_| random.u8(..)),
        2 => set(input, at, |byte| {
            byte.wrapping_add(random.u8(..8)).wrapping_sub(4)
        }),
        3 => set(input, at, |_| *random.choice(SIGNS).unwrap_or(&0)),
        4 => {
            let sign = *random.choice(SIGNS).unwrap_or(&0);
            input.insert(at, sign);
        }
        5 => edge(input, at, random),
        6 => drop(input.drain(part(input.len(), random))),
        7 => {
            let copy = input
                .get(part(input.len(), random))
                .unwrap_or_default()
                .to_vec();
            drop(input.splice(at..at, copy));
        }
        8 => {
            let other = random.choice(others).map_or(&[][..], Vec::as_slice);
            let copy = other
                .get(part(other.len(), random))
                .unwrap_or_default()
                .to_vec();
            drop(input.splice(at..at, copy));
        }
        _ => {
            let few = random.usize(..=8).min(input.len().saturating_sub(at));
            let copy = input.get(at..at + few).unwrap_or_default().to_vec();
            let many = copy.repeat(random.usize(..REPEATS_MAX));
            drop(input.splice(at..at, many));
        }
    }
}

fn set(input: &mut [u8], at: usize, new: impl FnOnce(u8) -> u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte = new(*byte);
    }
}

/// Writes a number of one, two, four or eight bytes, in either order.
fn edge(input: &mut [u8], at: usize, random: &mut Rng) {
    let number = random.choice(EDGES).copied().unwrap_or_default();
    let size = 1 << random.u8(..4);
    let mut bytes: Vec<u8> = number.to_le_bytes().into_iter().take(size).collect();
    if random.bool() {
        bytes.reverse();
    }
    for (place, byte) in input.iter_mut().skip(at).zip(bytes) {
        *place = byte;
    }
}

/// A part of something of that length; short ones are more likely.
fn part(length: usize, random: &mut Rng) -> std::ops::Range<usize> {
    let start = random.usize(..=length);
    let longest = (length - start) >> random.u8(..6);
    start..start + random.usize(..=longest)
}
