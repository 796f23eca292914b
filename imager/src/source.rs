//! Reads what an image file holds, whatever its form: programs for UEFI.

mod partitions;

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use crate::ImageError;
use crate::error::at;
use crate::{fat, iso, qcow2};

/// Firmware and boot loader start what lies there, whatever its name.
const PROGRAM_DIRECTORIES: &[&str] = &["efi/boot/", "efi/linux/"];
const PROGRAM_SUFFIX: &str = ".efi";
/// How a program begins.
const PROGRAM_MAGIC: &[u8] = b"MZ";
/// What the boot loader offers besides programs that it finds.
///
/// Source: UAPI Group, Boot Loader Specification, type 1.
const ENTRIES_DIRECTORY: &str = "loader/entries/";
/// Keys that the boot loader gives to a firmware in setup mode.
///
/// Source: systemd-boot(7).
const KEYS_DIRECTORY: &str = "loader/keys/";

/// A form of image file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A program for UEFI, such as a unified kernel image.
    Program,
    /// A disk, byte for byte.
    Raw,
    /// A disk as qcow2.
    Qcow2,
    /// A CD.
    Iso,
}

/// A file and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Of the partition; none when the program is the image file itself.
    pub(crate) partition: Option<u32>,
    /// On the partition; empty when the program is the image file itself.
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
}

/// What an image file holds for firmware and boot loader.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) form: Form,
    /// Whatever may be started.
    pub(crate) programs: Vec<Found>,
    /// Files by which the boot loader starts something.
    pub(crate) entries: Vec<Found>,
    /// Keys that the boot loader may enrol.
    pub(crate) keys: Vec<Found>,
}

trait Disk: Read + Seek {}
impl<T: Read + Seek> Disk for T {}

/// Reads a file of any form.
pub(crate) fn load(path: &Path) -> Result<Contents, ImageError> {
    let file = File::open(path).map_err(at("open", path))?;
    contents(file, path)
}

/// The same of a file that is open; `path` names it in errors.
pub(crate) fn contents(
    mut file: impl Read + Seek + 'static,
    path: &Path,
) -> Result<Contents, ImageError> {
    let form = form(&mut file).map_err(at("read", path))?;
    let mut disk: Box<dyn Disk> = match form {
        Form::Program => {
            let mut content = Vec::new();
            file.read_to_end(&mut content).map_err(at("read", path))?;
            let program = Found {
                partition: None,
                path: String::new(),
                content,
            };
            return Ok(Contents {
                form,
                programs: vec![program],
                entries: Vec::new(),
                keys: Vec::new(),
            });
        }
        Form::Raw | Form::Iso => Box::new(file),
        Form::Qcow2 => Box::new(qcow2::Reader::open(file).map_err(at("read", path))?),
    };
    let refuse = |problem: String| ImageError::Format {
        path: path.to_owned(),
        problem,
    };
    let partitions = partitions::load(&mut disk).map_err(refuse)?;
    for start in iso::boot::starts(&mut disk).map_err(at("read", path))? {
        if !partitions.iter().any(|partition| partition.start == start) {
            let problem = format!("as a CD it starts what is at byte {start}: no EFI partition");
            return Err(refuse(problem));
        }
    }
    let (mut programs, mut entries, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for partition in partitions {
        let files = fat::files(Cursor::new(partition.content)).map_err(refuse)?;
        for file in files {
            let into = match kind(&file) {
                Some(Kind::Program) => &mut programs,
                Some(Kind::Entry) => &mut entries,
                Some(Kind::Key) => &mut keys,
                None => continue,
            };
            into.push(Found {
                partition: Some(partition.number),
                path: file.path,
                content: file.content,
            });
        }
    }
    Ok(Contents {
        form,
        programs,
        entries,
        keys,
    })
}

enum Kind {
    Program,
    Entry,
    Key,
}

fn kind(file: &fat::Entry) -> Option<Kind> {
    // The names of FAT are the same in capitals.
    let path = file.path.to_ascii_lowercase();
    let is_program = path.ends_with(PROGRAM_SUFFIX)
        || file.content.starts_with(PROGRAM_MAGIC)
        || PROGRAM_DIRECTORIES
            .iter()
            .any(|directory| path.starts_with(directory));
    if is_program {
        Some(Kind::Program)
    } else if path.starts_with(ENTRIES_DIRECTORY) {
        Some(Kind::Entry)
    } else {
        path.starts_with(KEYS_DIRECTORY).then_some(Kind::Key)
    }
}

/// Tells the form from the first bytes; what is nothing else is taken for a disk.
fn form(file: &mut (impl Read + Seek)) -> std::io::Result<Form> {
    let mut start = [0; 4];
    let known = match file.read_exact(&mut start) {
        Ok(()) if start.starts_with(PROGRAM_MAGIC) => Some(Form::Program),
        Ok(()) if start == *b"QFI\xfb" => Some(Form::Qcow2),
        _ => None,
    };
    let mut volume = [0; 6];
    file.seek(SeekFrom::Start(0x8000))?;
    let is_iso = file.read_exact(&mut volume).is_ok() && volume == *b"\x01CD001";
    file.rewind()?;
    Ok(known.unwrap_or(if is_iso { Form::Iso } else { Form::Raw }))
}
