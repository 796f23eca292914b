//! Reads what an image file holds, whatever its form: programs for UEFI.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use gptman::GPT;

use crate::ImageError;
use crate::disk;
use crate::error::at;
use crate::{fat, qcow2};

/// Directories of the EFI partition that firmware and boot loader start programs from.
const PROGRAM_DIRECTORIES: &[&str] = &["EFI/BOOT", "EFI/Linux"];
/// The largest EFI partition that is read into memory. In a qcow2 file it may take no room at all.
const EFI_BYTES_MAX: u64 = 1 << 30;

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

/// A program and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// On the EFI partition; empty when the program is the file itself.
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
}

trait Disk: Read + Seek {}
impl<T: Read + Seek> Disk for T {}

/// The form of a file and the programs that it holds.
pub(crate) fn programs(path: &Path) -> Result<(Form, Vec<Program>), ImageError> {
    let file = File::open(path).map_err(at("open", path))?;
    programs_of(file, path)
}

/// The same of a file that is open; `path` names it in errors.
pub(crate) fn programs_of(
    mut file: impl Read + Seek + 'static,
    path: &Path,
) -> Result<(Form, Vec<Program>), ImageError> {
    let form = form(&mut file).map_err(at("read", path))?;
    let mut disk: Box<dyn Disk> = match form {
        Form::Program => {
            let mut content = Vec::new();
            file.read_to_end(&mut content).map_err(at("read", path))?;
            let path = String::new();
            return Ok((form, vec![Program { path, content }]));
        }
        Form::Raw | Form::Iso => Box::new(file),
        Form::Qcow2 => Box::new(qcow2::Reader::open(file).map_err(at("read", path))?),
    };
    let refuse = |problem: String| ImageError::Format {
        path: path.to_owned(),
        problem,
    };
    let efi = efi_partition(&mut disk).map_err(refuse)?;
    let programs = fat::programs(Cursor::new(efi), PROGRAM_DIRECTORIES).map_err(refuse)?;
    Ok((form, programs))
}

/// Tells the form from the first bytes; what is nothing else is taken for a disk.
fn form(file: &mut (impl Read + Seek)) -> std::io::Result<Form> {
    let mut start = [0; 4];
    let known = match file.read_exact(&mut start) {
        Ok(()) if start.starts_with(b"MZ") => Some(Form::Program),
        Ok(()) if start == *b"QFI\xfb" => Some(Form::Qcow2),
        _ => None,
    };
    let mut volume = [0; 6];
    file.seek(SeekFrom::Start(0x8000))?;
    let is_iso = file.read_exact(&mut volume).is_ok() && volume == *b"\x01CD001";
    file.rewind()?;
    Ok(known.unwrap_or(if is_iso { Form::Iso } else { Form::Raw }))
}

fn efi_partition(disk: &mut Box<dyn Disk>) -> Result<Vec<u8>, String> {
    let table = GPT::find_from(disk).map_err(|error| format!("no partition table: {error}"))?;
    let kind = disk::EFI_TYPE.to_bytes_le();
    let number = table
        .iter()
        .find(|(_, entry)| entry.partition_type_guid == kind)
        .map(|(number, _)| number)
        .ok_or("it has no EFI partition")?;
    let range = table
        .get_partition_byte_range(number)
        .map_err(|error| error.to_string())?;
    let size = range.end().saturating_sub(*range.start()).saturating_add(1);
    if size > EFI_BYTES_MAX {
        return Err(format!("its EFI partition has {size} bytes"));
    }
    let mut content = Vec::new();
    disk.seek(SeekFrom::Start(*range.start()))
        .and_then(|_| disk.take(size).read_to_end(&mut content))
        .map_err(|error| format!("read the EFI partition: {error}"))?;
    Ok(content)
}
