//! Unified kernel images: a PE file of systemd's stub with kernel, initramfs and command line as
//! sections.
//!
//! Source: UAPI Group Specifications, Unified Kernel Image; Microsoft PE Format.

use std::fmt;

/// Why an image could not be made or read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UkiError {
    /// The file is not a 64-bit PE program, or is cut off.
    #[error("not a 64-bit PE file: {0}")]
    NotPe(&'static str),
    /// The header has no room for more sections.
    #[error("the header of the stub has room for {room} more sections, {wanted} are wanted")]
    NoRoom {
        /// How many fit.
        room: usize,
        /// How many are wanted.
        wanted: usize,
    },
    /// The image would be larger than the format allows.
    #[error("the image is larger than 4 GiB")]
    TooLarge,
}

/// One section to add.
pub struct Section<'a> {
    /// With its dot, at most eight bytes.
    pub name: &'static str,
    /// Its content.
    pub content: &'a [u8],
}

impl fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.content.len())
    }
}

const SECTION_HEADER: usize = 40;
/// The smallest optional header: what stands before the data directories.
///
/// Source: Microsoft PE Format, Optional Header Windows-Specific Fields.
const OPTIONAL_HEADER_MIN: usize = 112;
/// More are in no program that is of use; they could all hold the whole file.
///
/// Source: Microsoft PE Format, NumberOfSections.
const SECTIONS_MAX: usize = 96;
/// Source: the same, FileAlignment. Of memory it may be larger.
const FILE_ALIGNMENT_MAX: u32 = 1 << 16;
/// Initialised data that is read only.
const CHARACTERISTICS: u32 = 0x4000_0040;

/// Positions in the headers that are used.
struct Layout {
    sections_at: usize,
    section_count: usize,
    count_at: usize,
    image_size_at: usize,
    data_size_at: usize,
    checksum_at: usize,
    section_alignment: u32,
    file_alignment: u32,
    headers_size: usize,
}

/// Adds sections to a stub.
///
/// # Errors
/// [`UkiError`].
pub fn build(stub: &[u8], sections: &[Section<'_>]) -> Result<Vec<u8>, UkiError> {
    let layout = layout(stub)?;
    let end = layout.sections_at + layout.section_count * SECTION_HEADER;
    let room = layout.headers_size.saturating_sub(end) / SECTION_HEADER;
    let room = room.min(SECTIONS_MAX - layout.section_count);
    if sections.len() > room {
        let wanted = sections.len();
        return Err(UkiError::NoRoom { room, wanted });
    }
    let mut image = stub.to_vec();
    let mut address = next_address(stub, &layout)?;
    let mut data_size = read_u32(stub, layout.data_size_at)?;
    for (index, section) in sections.iter().enumerate() {
        image.resize(
            image.len().next_multiple_of(layout.file_alignment as usize),
            0,
        );
        let size = u32::try_from(section.content.len()).map_err(too_large)?;
        let raw_size = size
            .checked_next_multiple_of(layout.file_alignment)
            .ok_or(UkiError::TooLarge)?;
        let offset = u32::try_from(image.len()).map_err(too_large)?;
        let header = header(section.name, size, address, raw_size, offset);
        put(&mut image, end + index * SECTION_HEADER, &header)?;
        image.extend_from_slice(section.content);
        address = address
            .checked_add(size)
            .and_then(|address| address.checked_next_multiple_of(layout.section_alignment))
            .ok_or(UkiError::TooLarge)?;
        data_size = data_size.checked_add(raw_size).ok_or(UkiError::TooLarge)?;
    }
    image.resize(
        image.len().next_multiple_of(layout.file_alignment as usize),
        0,
    );
    let count = u16::try_from(layout.section_count + sections.len()).map_err(too_large)?;
    put(&mut image, layout.count_at, &count.to_le_bytes())?;
    put(&mut image, layout.image_size_at, &address.to_le_bytes())?;
    put(&mut image, layout.data_size_at, &data_size.to_le_bytes())?;
    // Firmware does not look at the checksum; zero is what reproducible tools write.
    put(&mut image, layout.checksum_at, &[0; 4])?;
    Ok(image)
}

/// The sections of an image, by name, in the order of the file.
///
/// # Errors
/// [`UkiError::NotPe`].
pub fn sections(image: &[u8]) -> Result<Vec<(String, &[u8])>, UkiError> {
    let layout = layout(image)?;
    let mut found = Vec::new();
    for index in 0..layout.section_count {
        let at = layout.sections_at + index * SECTION_HEADER;
        let name = image.get(at..at + 8).ok_or(CUT_OFF)?;
        let name: Vec<u8> = name.iter().copied().take_while(|byte| *byte != 0).collect();
        let size = read_u32(image, at + 8)?.min(read_u32(image, at + 16)?) as usize;
        let offset = read_u32(image, at + 20)? as usize;
        let content = offset
            .checked_add(size)
            .and_then(|end| image.get(offset..end))
            .ok_or(CUT_OFF)?;
        found.push((String::from_utf8_lossy(&name).into_owned(), content));
    }
    Ok(found)
}

const CUT_OFF: UkiError = UkiError::NotPe("it is cut off");

fn layout(image: &[u8]) -> Result<Layout, UkiError> {
    if image.get(..2) != Some(b"MZ") {
        return Err(UkiError::NotPe("no MZ header"));
    }
    let pe = read_u32(image, 0x3c)? as usize;
    if image.get(pe..pe.saturating_add(4)) != Some(b"PE\0\0") {
        return Err(UkiError::NotPe("no PE header"));
    }
    let count_at = pe + 6;
    let optional = pe + 24;
    if read_u16(image, optional)? != 0x20b {
        return Err(UkiError::NotPe("not PE32+"));
    }
    let optional_size = usize::from(read_u16(image, pe + 20)?);
    if optional_size < OPTIONAL_HEADER_MIN {
        return Err(UkiError::NotPe("its optional header is too small"));
    }
    let headers_size = read_u32(image, optional + 60)? as usize;
    if headers_size > image.len() {
        return Err(CUT_OFF);
    }
    let alignment = |at: usize| match read_u32(image, at)? {
        alignment if alignment.is_power_of_two() => Ok(alignment),
        _ => Err(UkiError::NotPe("an alignment is no power of two")),
    };
    let section_count = usize::from(read_u16(image, count_at)?);
    if section_count > SECTIONS_MAX {
        return Err(UkiError::NotPe("it has more than 96 sections"));
    }
    let file_alignment = alignment(optional + 36)?;
    if file_alignment > FILE_ALIGNMENT_MAX {
        return Err(UkiError::NotPe(
            "its sections are aligned to more than 64 KiB",
        ));
    }
    Ok(Layout {
        count_at,
        section_count,
        sections_at: optional + optional_size,
        data_size_at: optional + 8,
        section_alignment: alignment(optional + 32)?,
        file_alignment,
        image_size_at: optional + 56,
        headers_size,
        checksum_at: optional + 64,
    })
}

/// The first address behind all sections of the stub.
fn next_address(stub: &[u8], layout: &Layout) -> Result<u32, UkiError> {
    let mut end = 0;
    for index in 0..layout.section_count {
        let at = layout.sections_at + index * SECTION_HEADER;
        let size = read_u32(stub, at + 8)?;
        let address = read_u32(stub, at + 12)?;
        end = end.max(address.checked_add(size).ok_or(UkiError::TooLarge)?);
    }
    end.checked_next_multiple_of(layout.section_alignment)
        .ok_or(UkiError::TooLarge)
}

fn header(name: &str, size: u32, address: u32, raw_size: u32, offset: u32) -> Vec<u8> {
    let mut header: Vec<u8> = name.bytes().chain([0; 8]).take(8).collect();
    for field in [size, address, raw_size, offset, 0, 0, 0, CHARACTERISTICS] {
        header.extend(field.to_le_bytes());
    }
    header
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), UkiError> {
    let place = image.get_mut(at..at + bytes.len()).ok_or(CUT_OFF)?;
    place.copy_from_slice(bytes);
    Ok(())
}

fn read_u16(image: &[u8], at: usize) -> Result<u16, UkiError> {
    let bytes = image.get(at..at.saturating_add(2)).ok_or(CUT_OFF)?;
    Ok(bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u16::from(*byte)))
}

fn read_u32(image: &[u8], at: usize) -> Result<u32, UkiError> {
    let bytes = image.get(at..at.saturating_add(4)).ok_or(CUT_OFF)?;
    Ok(bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

fn too_large(_: std::num::TryFromIntError) -> UkiError {
    UkiError::TooLarge
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest stub: headers of 0x400 bytes and one section.
    fn stub() -> Vec<u8> {
        let mut stub = vec![0; 0x600];
        stub[..2].copy_from_slice(b"MZ");
        stub[0x3c] = 0x80;
        stub[0x80..0x84].copy_from_slice(b"PE\0\0");
        stub[0x86] = 1;
        stub[0x94] = 112;
        stub[0x98..0x9a].copy_from_slice(&0x20b_u16.to_le_bytes());
        stub[0x98 + 32..0x98 + 36].copy_from_slice(&0x1000_u32.to_le_bytes());
        stub[0x98 + 36..0x98 + 40].copy_from_slice(&0x200_u32.to_le_bytes());
        stub[0x98 + 60..0x98 + 64].copy_from_slice(&0x400_u32.to_le_bytes());
        let text = header(".text", 0x123, 0x1000, 0x200, 0x400);
        stub[0x98 + 112..0x98 + 112 + 40].copy_from_slice(&text);
        stub
    }

    #[test]
    fn sections_come_back_as_they_were_given() {
        let big = vec![3; 70_000];
        let given = [
            Section {
                name: ".osrel",
                content: b"ID=ichor\n",
            },
            Section {
                name: ".linux",
                content: &big,
            },
        ];
        let image = build(&stub(), &given).unwrap();
        let found = sections(&image).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(found[1], (".osrel".to_owned(), b"ID=ichor\n".as_slice()));
        assert_eq!(found[2].1, big);
        assert_eq!(image.len() % 0x200, 0);
        assert_eq!(
            image,
            build(&stub(), &given).unwrap(),
            "the same bytes twice"
        );
    }

    #[test]
    fn says_when_the_header_is_full() {
        let many: Vec<_> = (0..40)
            .map(|_| Section {
                name: ".x",
                content: b"",
            })
            .collect();
        assert!(matches!(
            build(&stub(), &many),
            Err(UkiError::NoRoom { wanted: 40, .. })
        ));
    }

    #[test]
    fn small_files_do_not_become_large() {
        let with = |at: usize, bytes: &[u8]| {
            let mut stub = stub();
            stub[at..at + bytes.len()].copy_from_slice(bytes);
            let added = Section {
                name: ".x",
                content: b"y",
            };
            build(&stub, &[added]).map(|image| image.len())
        };
        let alignment = 0x98 + 36;
        assert_eq!(with(alignment, &[0, 0, 1, 0]), Ok(2 << 16));
        for bad in [[0, 0, 2, 0], [0, 0, 0, 0xff], [1, 2, 0, 0], [0; 4]] {
            assert!(with(alignment, &bad).is_err(), "{bad:?}");
        }
        // All of them may hold the whole file.
        let mut many = stub();
        many[0x86..0x88].copy_from_slice(&[97, 0]);
        many.resize(0x2000, 0);
        assert!(sections(&many).is_err());
        many[0x86] = 96;
        assert_eq!(sections(&many).unwrap().len(), 96);
    }

    #[test]
    fn what_would_not_be_read_again_is_not_made() {
        let added = || Section {
            name: ".x",
            content: b"y",
        };
        // The table of sections may not lie on the header before it.
        for size in [0, 111] {
            let mut stub = stub();
            stub[0x86] = 0;
            stub[0x94] = size;
            let expected = UkiError::NotPe("its optional header is too small");
            assert_eq!(build(&stub, &[added()]), Err(expected), "{size}");
        }
        // The content may not lie in the headers.
        let mut short = stub();
        short[0x86] = 0;
        short.truncate(0x200);
        assert_eq!(build(&short, &[added()]), Err(CUT_OFF));
        let mut many = stub();
        many[0x86] = 95;
        many[0x98 + 60..0x98 + 64].copy_from_slice(&0x2000_u32.to_le_bytes());
        many.resize(0x2000, 0);
        let image = build(&many, &[added()]).unwrap();
        assert_eq!(sections(&image).unwrap().len(), 96);
        let expected = UkiError::NoRoom { room: 0, wanted: 1 };
        assert_eq!(build(&image, &[added()]), Err(expected));
    }

    #[test]
    fn no_prefix_of_a_file_makes_it_panic() {
        let image = build(
            &stub(),
            &[Section {
                name: ".x",
                content: b"y",
            }],
        )
        .unwrap();
        for end in 0..image.len() {
            let _sections = sections(&image[..end]);
            let _image = build(&image[..end], &[]);
        }
    }
}
