//! What the fuzz tests call: what a caller says before anything is known of it.

use ichor_access::{Mode, Role, Roles};

use crate::access::{self, Verdict};
use crate::frames::Frames;
use crate::message::Lengths;
use crate::{handover, reply, routes};

/// The path of a method.
pub fn path(input: &[u8]) {
    let path = &*String::from_utf8_lossy(input);
    routes::component(path);
    handover::parse_services(path);
    let reader = Roles::NONE.with(Role::Reader);
    let opens =
        |mode| ichor_access::find(path).is_some_and(|method| method.roles(mode).intersects(reader));
    assert_eq!(
        matches!(access::in_maintenance(path), Verdict::Allowed(_)),
        opens(Mode::Maintenance)
    );
    // Whatever a reader may call is a method of a service, by exactly its name.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    assert!(
        !opens(Mode::Maintenance) || path.bytes().all(is_plain),
        "{path:?}"
    );
    let told = reply::percent_encode(path);
    assert!(told.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
}

/// What a client sends, after a byte that says how large the pieces are in which it comes.
pub fn client_frames(input: &[u8]) {
    let Some((size, bytes)) = input.split_first() else {
        return;
    };
    let counted = |size: usize| {
        let mut frames = Frames::new();
        let (mut idle, mut resets, mut calls, mut longest) = (0, 0, 0, 0);
        for piece in bytes.chunks(size) {
            let seen = frames.read(piece);
            idle += seen.idle;
            resets += seen.resets;
            calls += seen.calls;
            longest = longest.max(seen.block_len);
        }
        let between = frames.is_between();
        (idle, resets, calls, longest, between, frames.complete())
    };
    assert_eq!(
        counted(usize::from(*size).max(1)),
        counted(bytes.len().max(1))
    );
}

/// Messages one after the other, likewise.
pub fn message_lengths(input: &[u8]) {
    let Some((size, bytes)) = input.split_first() else {
        return;
    };
    let largest = |size: usize| {
        let mut lengths = Lengths::default();
        let pieces = bytes.chunks(size);
        let seen = pieces.filter_map(|piece| lengths.pass(piece));
        seen.map(|large| large.bytes).max()
    };
    assert_eq!(
        largest(usize::from(*size).max(1)),
        largest(bytes.len().max(1))
    );
}
