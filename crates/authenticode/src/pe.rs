//! The parts of a PE32+ file that a signature depends on.
//!
//! Source: Microsoft PE Format; the offsets are those of its tables.

use sha2::{Digest, Sha256};

/// Place of `e_lfanew` in the DOS header.
const PE_POINTER: usize = 0x3c;
const PE32_PLUS: u16 = 0x20b;
const SECTION_SIZE: usize = 40;

/// The file is not a PE32+ program, or its parts lie outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UEFI program: {0}")]
pub struct PeError(pub &'static str);

/// The bytes of a part that is loaded into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Section {
    offset: usize,
    bytes: usize,
}

/// The places in a file that a signature leaves out, and the sections that it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    checksum: usize,
    directory: usize,
    headers: usize,
    table: Option<(usize, usize)>,
    sections: Vec<Section>,
}

impl Layout {
    /// Reads the headers of a file.
    ///
    /// # Errors
    /// [`PeError`].
    pub(crate) fn parse(file: &[u8]) -> Result<Self, PeError> {
        if file.get(..2) != Some(b"MZ") {
            return Err(PeError("it does not begin with MZ"));
        }
        let pe = number(file, PE_POINTER)?;
        let signature = file.get(pe..pe.saturating_add(4));
        if signature != Some(b"PE\0\0") {
            return Err(PeError("the PE header is missing"));
        }
        let optional = pe.saturating_add(24);
        if short(file, optional)? != PE32_PLUS {
            return Err(PeError("it is not a 64-bit program"));
        }
        if number(file, optional.saturating_add(108))? < 5 {
            return Err(PeError("it has no place for a certificate table"));
        }
        let directory = optional.saturating_add(144);
        let headers = number(file, optional.saturating_add(60))?;
        if headers > file.len() {
            return Err(PeError("the headers are cut off"));
        }
        let start = optional.saturating_add(usize::from(short(file, pe.saturating_add(20))?));
        let count = usize::from(short(file, pe.saturating_add(6))?);
        let sections = (0..count)
            .map(|index| section(file, start.saturating_add(index * SECTION_SIZE)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            checksum: optional.saturating_add(64),
            directory,
            headers,
            table: table(file, directory)?,
            sections,
        })
    }

    /// The certificate table, which ends the file.
    pub(crate) fn table<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        let (start, size) = self.table?;
        file.get(start..start.checked_add(size)?)
    }

    /// Where the file ends without its certificate table.
    pub(crate) fn end(&self, file: &[u8]) -> usize {
        self.table.map_or(file.len(), |(start, _)| start)
    }

    /// The SHA-256 that a signature holds.
    ///
    /// # Errors
    /// [`PeError`] when the sections are not what follows the headers.
    pub(crate) fn digest(&self, file: &[u8]) -> Result<[u8; 32], PeError> {
        let part = |from: usize, to: usize| file.get(from..to).ok_or(PeError("it is cut off"));
        let mut hasher = Sha256::new();
        hasher.update(part(0, self.checksum)?);
        hasher.update(part(self.checksum.saturating_add(4), self.directory)?);
        hasher.update(part(self.directory.saturating_add(8), self.headers)?);
        let mut sections: Vec<_> = self.sections.iter().filter(|s| s.bytes > 0).collect();
        sections.sort_by_key(|section| section.offset);
        let mut position = self.headers;
        for section in sections {
            let start = section.offset;
            // What lies between two sections is in no signature, so it must not exist.
            if start != position {
                return Err(PeError("its sections do not follow one another"));
            }
            position = start.saturating_add(section.bytes);
            hasher.update(part(start, position)?);
        }
        hasher.update(part(position, self.end(file))?);
        Ok(hasher.finalize().into())
    }

    /// Writes where the certificate table is; zeroes when there is none.
    pub(crate) fn set_table(&self, file: &mut [u8], offset: u32, size: u32) -> Result<(), PeError> {
        put(file, self.directory, offset)?;
        put(file, self.directory.saturating_add(4), size)
    }

    /// Writes the checksum of the file. Firmware does not look at it; other tools warn.
    pub(crate) fn set_checksum(&self, file: &mut [u8]) -> Result<(), PeError> {
        put(file, self.checksum, 0)?;
        let mut sum = 0_u32;
        for pair in file.chunks(2) {
            let low = pair.first().copied().unwrap_or_default();
            let high = pair.get(1).copied().unwrap_or_default();
            sum += u32::from(u16::from_le_bytes([low, high]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let length = u32::try_from(file.len()).map_err(|_error| PeError("it is above 4 GiB"))?;
        put(file, self.checksum, sum.wrapping_add(length))
    }
}

fn section(file: &[u8], at: usize) -> Result<Section, PeError> {
    Ok(Section {
        bytes: number(file, at.saturating_add(16))?,
        offset: number(file, at.saturating_add(20))?,
    })
}

/// Place and size of the certificate table, checked to end the file.
fn table(file: &[u8], directory: usize) -> Result<Option<(usize, usize)>, PeError> {
    let start = number(file, directory)?;
    let size = number(file, directory.saturating_add(4))?;
    match (start, size) {
        (0, 0) => Ok(None),
        _ if start.checked_add(size) == Some(file.len()) => Ok(Some((start, size))),
        _ => Err(PeError("the certificate table does not end the file")),
    }
}

fn short(file: &[u8], at: usize) -> Result<u16, PeError> {
    let bytes = file.get(at..).and_then(|rest| rest.first_chunk());
    Ok(u16::from_le_bytes(*bytes.ok_or(PeError("it is cut off"))?))
}

fn word(file: &[u8], at: usize) -> Result<u32, PeError> {
    let bytes = file.get(at..).and_then(|rest| rest.first_chunk());
    Ok(u32::from_le_bytes(*bytes.ok_or(PeError("it is cut off"))?))
}

fn number(file: &[u8], at: usize) -> Result<usize, PeError> {
    usize::try_from(word(file, at)?).map_err(|_error| PeError("it is above 4 GiB"))
}

fn put(file: &mut [u8], at: usize, value: u32) -> Result<(), PeError> {
    let place = file.get_mut(at..).and_then(|rest| rest.first_chunk_mut());
    *place.ok_or(PeError("it is cut off"))? = value.to_le_bytes();
    Ok(())
}

/// Programs to sign in tests.
#[cfg(test)]
pub(crate) mod samples {
    /// A well-formed program with two sections that does nothing.
    pub(crate) fn program() -> Vec<u8> {
        let mut file = vec![0_u8; 0x200];
        file[..2].copy_from_slice(b"MZ");
        file[0x3c] = 0x40;
        file[0x40..0x44].copy_from_slice(b"PE\0\0");
        file[0x44..0x46].copy_from_slice(&0x8664_u16.to_le_bytes());
        file[0x46] = 2; // Sections.
        file[0x54..0x56].copy_from_slice(&240_u16.to_le_bytes());
        file[0x56..0x58].copy_from_slice(&0x2022_u16.to_le_bytes());
        let optional = 0x58;
        file[optional..optional + 2].copy_from_slice(&0x20b_u16.to_le_bytes());
        let mut word = |at: usize, value: u32| {
            file[optional + at..optional + at + 4].copy_from_slice(&value.to_le_bytes());
        };
        word(16, 0x1000); // Entry point.
        word(32, 0x1000); // Section alignment.
        word(36, 0x200); // File alignment.
        word(56, 0x3000); // Size in memory.
        word(60, 0x200); // Size of headers.
        word(68, 10); // UEFI application.
        word(108, 16); // Directories.
        for (index, name) in [b".text\0\0\0", b".data\0\0\0"].into_iter().enumerate() {
            let at = optional + 240 + index * 40;
            let place = u32::try_from(index).unwrap();
            file[at..at + 8].copy_from_slice(name);
            file[at + 8..at + 12].copy_from_slice(&0x123_u32.to_le_bytes());
            file[at + 12..at + 16].copy_from_slice(&((place + 1) * 0x1000).to_le_bytes());
            file[at + 16..at + 20].copy_from_slice(&0x200_u32.to_le_bytes());
            file[at + 20..at + 24].copy_from_slice(&((place + 1) * 0x200).to_le_bytes());
        }
        file.extend(vec![0xc3; 0x200]);
        file.extend(vec![0x55; 0x200]);
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_file_that_is_cut_anywhere_in_its_headers() {
        let file = samples::program();
        for end in 0..0x200 {
            assert!(Layout::parse(&file[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn digest_refuses_bytes_between_sections() {
        let mut file = samples::program();
        file[0x58 + 240 + 40 + 20] = 0; // The second section begins at 0x400, now at 0x500.
        file[0x58 + 240 + 40 + 21] = 5;
        file.extend([0; 0x100]);
        let layout = Layout::parse(&file).unwrap();
        assert!(layout.digest(&file).is_err());
    }
}
