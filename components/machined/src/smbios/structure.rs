//! The structures of a table.

const HEADER_BYTES: usize = 4;
/// The structure after which a table has nothing more.
const END: u8 = 127;

/// One structure; offsets count from its beginning, as in the specification.
#[derive(Clone, Copy, Debug)]
pub(super) struct Structure<'a> {
    pub(super) kind: u8,
    pub(super) handle: u16,
    formatted: &'a [u8],
    texts: &'a [u8],
}

/// All structures of a table, as far as it can be understood.
pub(super) fn structures(table: &[u8]) -> impl Iterator<Item = Structure<'_>> {
    let mut rest = Some(table);
    std::iter::from_fn(move || {
        let (structure, after) = split(rest.take()?)?;
        rest = (structure.kind != END).then_some(after);
        Some(structure)
    })
}

fn split(table: &[u8]) -> Option<(Structure<'_>, &[u8])> {
    let [kind, length, low, high] = *table.first_chunk::<HEADER_BYTES>()?;
    let length = usize::from(length);
    // A shorter one would make no progress.
    if length < HEADER_BYTES {
        return None;
    }
    let (formatted, rest) = table.split_at_checked(length)?;
    let end = rest.windows(2).position(|pair| pair == [0, 0])?;
    let (texts, rest) = rest.split_at_checked(end + 2)?;
    let structure = Structure {
        kind,
        handle: u16::from_le_bytes([low, high]),
        formatted,
        texts,
    };
    Some((structure, rest))
}

impl Structure<'_> {
    /// Bytes at an offset; `None` in structures of older versions, which are shorter.
    pub(super) fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.formatted.get(at..)?.first_chunk::<N>().copied()
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.bytes::<1>(at).map(|[byte]| byte)
    }

    pub(super) fn word(&self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    pub(super) fn double_word(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    /// The text whose number stands at an offset; empty without one. Texts are counted from 1.
    pub(super) fn text(&self, at: usize) -> String {
        let Some(number @ 1..) = self.byte(at) else {
            return String::new();
        };
        let mut texts = self.texts.split(|byte| *byte == 0);
        let text = texts.nth(usize::from(number) - 1).unwrap_or_default();
        String::from_utf8_lossy(text).trim().to_owned()
    }
}
