//! The little of ELF that building an image needs: sections by name, and needed libraries.
//!
//! Source: ELF-64 Object File Format; only little-endian files are known.

use std::collections::HashMap;

/// An ELF file in memory.
pub(crate) struct Elf<'a> {
    bytes: &'a [u8],
    sections: HashMap<String, (usize, usize)>,
}

impl<'a> Elf<'a> {
    /// `None` when this is not a complete 64-bit little-endian ELF file.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.get(..6)? != b"\x7fELF\x02\x01" {
            return None;
        }
        let table = usize::try_from(u64_at(bytes, 0x28)?).ok()?;
        let entry = usize::from(u16_at(bytes, 0x3a)?);
        let count = usize::from(u16_at(bytes, 0x3c)?);
        let names_index = usize::from(u16_at(bytes, 0x3e)?);
        let header = |index: usize| -> Option<(usize, usize, usize)> {
            let start = table.checked_add(index.checked_mul(entry)?)?;
            let name = usize::try_from(u32_at(bytes, start)?).ok()?;
            let offset = usize::try_from(u64_at(bytes, start.checked_add(0x18)?)?).ok()?;
            let size = usize::try_from(u64_at(bytes, start.checked_add(0x20)?)?).ok()?;
            Some((name, offset, size))
        };
        let (_, names_start, _) = header(names_index)?;
        let mut sections = HashMap::new();
        for index in 0..count {
            let (name, offset, size) = header(index)?;
            let name = text_at(bytes, names_start.checked_add(name)?)?;
            sections.insert(name, (offset, size));
        }
        Some(Self { bytes, sections })
    }

    /// The content of a section.
    pub(crate) fn section(&self, name: &str) -> Option<&'a [u8]> {
        let (offset, size) = *self.sections.get(name)?;
        self.bytes.get(offset..offset.checked_add(size)?)
    }

    /// File names of the shared libraries that the file asks for.
    pub(crate) fn needed(&self) -> Vec<String> {
        const DT_NEEDED: u64 = 1;
        let (Some(dynamic), Some(strings)) = (self.section(".dynamic"), self.section(".dynstr"))
        else {
            return Vec::new();
        };
        let (entries, _) = dynamic.as_chunks::<16>();
        let mut needed = Vec::new();
        for entry in entries {
            if u64_at(entry, 0) == Some(DT_NEEDED) {
                let offset = u64_at(entry, 8).and_then(|value| usize::try_from(value).ok());
                needed.extend(offset.and_then(|offset| text_at(strings, offset)));
            }
        }
        needed
    }

    /// The program that loads the file, such as `/lib64/ld-linux-x86-64.so.2`.
    pub(crate) fn interpreter(&self) -> Option<String> {
        text_at(self.section(".interp")?, 0)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

fn text_at(bytes: &[u8], at: usize) -> Option<String> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    String::from_utf8(rest.get(..end)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_very_program() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        assert!(elf.section(".text").is_some());
    }

    #[test]
    fn refuses_what_is_cut_off() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(Elf::parse(&bytes[..4096]).is_none());
        assert!(Elf::parse(b"MZ").is_none());
    }
}
