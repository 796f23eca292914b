//! Images that start something else than what was signed, each in a way of its own.

use gptman::GPT;
use ichor_authenticode::{sign, variables};
use uuid::Uuid;

use super::*;
use crate::fat;

/// FAT32 has at least this size.
const EFI_BYTES: u64 = 40 * MIB;

struct Workshop {
    directory: tempfile::TempDir,
    signer: Signer,
}

impl Workshop {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let signer = keys::load_or_make(&directory.path().join("keys")).unwrap();
        Self { directory, signer }
    }

    fn signed(&self) -> Vec<u8> {
        sign(program(), &self.signer).unwrap()
    }

    /// An EFI file system of a signed boot loader and other files.
    fn efi(&self, others: &[(&str, &[u8])]) -> PathBuf {
        let mut files = vec![("EFI/BOOT/BOOTX64.EFI".to_owned(), self.signed())];
        files.extend(
            others
                .iter()
                .map(|(path, content)| ((*path).to_owned(), content.to_vec())),
        );
        let path = self.directory.path().join("efi.img");
        fat::write(&path, EFI_BYTES, &files).unwrap();
        path
    }

    fn disk(&self, others: &[(&str, &[u8])]) -> PathBuf {
        let path = self.directory.path().join("disk.raw");
        disk::write(&path, &self.efi(others)).unwrap();
        path
    }

    fn verify(&self, image: &Path) -> Result<Vec<inspect::Verdict>, ImageError> {
        inspect::verify(image, self.signer.certificate())
    }

    /// What is not to be trusted, and why.
    fn refused(&self, image: &Path) -> Vec<(String, Distrust)> {
        let verdicts = self.verify(image).unwrap().into_iter();
        let refused = verdicts.filter_map(|verdict| Some((verdict.path, verdict.outcome.err()?)));
        refused.collect()
    }
}

#[test]
fn a_program_is_checked_wherever_it_lies_and_whatever_its_name() {
    let workshop = Workshop::new();
    let signed = workshop.signed();
    let good = workshop.disk(&[("tools/signed.efi", &signed)]);
    assert_eq!(workshop.verify(&good).unwrap().len(), 2);
    assert_eq!(workshop.refused(&good), []);
    for path in ["shellx64.efi", "a/b/c/d.EFI", "EFI/Linux/x", "vmlinuz"] {
        let disk = workshop.disk(&[(path, &program())]);
        let expected = (path.to_owned(), VerifyError::Unsigned.into());
        assert_eq!(workshop.refused(&disk), [expected]);
    }
}

#[test]
fn an_entry_of_the_boot_loader_starts_signed_programs_only_and_adds_nothing() {
    let workshop = Workshop::new();
    let signed = workshop.signed();
    let starts = |path: &str| Some(Distrust::Starts(path.to_owned()));
    let adds = |key: &str| Some(Distrust::Adds(key.to_owned()));
    for (text, expected) in [
        ("title x\nefi /LINUX.EFI\n", None),
        ("linux \\linux.efi\n", None),
        ("efi /there/is/none.efi\n", starts("there/is/none.efi")),
        ("linux /linux.efi\ninitrd /other\n", adds("initrd")),
        ("linux /linux.efi\noptions init=/x\n", adds("options")),
    ] {
        let files: [(&str, &[u8]); 2] = [
            ("linux.efi", &signed),
            ("loader/entries/a.conf", text.as_bytes()),
        ];
        let disk = workshop.disk(&files);
        let expected = expected.map(|why| ("loader/entries/a.conf".to_owned(), why));
        assert_eq!(
            workshop.refused(&disk),
            Vec::from_iter(expected),
            "{text:?}"
        );
    }
}

#[test]
fn no_other_key_is_enrolled() {
    let workshop = Workshop::new();
    let (_, own) = &variables::enrolment(&workshop.signer).unwrap()[2];
    let good = workshop.disk(&[("loader/keys/auto/db.auth", own)]);
    assert_eq!(workshop.refused(&good), []);
    for path in ["loader/keys/auto/db.auth", "LOADER/KEYS/x/PK.auth"] {
        let disk = workshop.disk(&[(path, b"something else")]);
        assert_eq!(
            workshop.refused(&disk),
            [(path.to_owned(), Distrust::Enrols)]
        );
    }
}

/// Puts a further partition at the end of a disk.
fn add_partition(disk: &Path, kind: Uuid, content: &Path) {
    let mut file = fs::File::options()
        .read(true)
        .write(true)
        .open(disk)
        .unwrap();
    let start = file.metadata().unwrap().len();
    file.set_len(start + EFI_BYTES + MIB).unwrap();
    let mut table = GPT::new_from(&mut file, disk::SECTOR_BYTES, [7; 16]).unwrap();
    let efi = start - 3 * MIB;
    table[1] = disk::partition("EFI", disk::EFI_TYPE, MIB, efi);
    table[4] = disk::partition("other", kind, start, EFI_BYTES);
    table.write_into(&mut file).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(start)).unwrap();
    disk::copy_sparse(&mut fs::File::open(content).unwrap(), &mut file).unwrap();
}

#[test]
fn each_partition_that_firmware_can_read_is_checked() {
    let workshop = Workshop::new();
    for kind in [disk::EFI_TYPE, Uuid::from_u128(7)] {
        let disk = workshop.disk(&[]);
        let other = workshop.efi(&[("evil.efi", &program())]);
        add_partition(&disk, kind, &other);
        assert_eq!(workshop.verify(&disk).unwrap().len(), 3);
        let expected = (
            "partition 4: evil.efi".to_owned(),
            VerifyError::Unsigned.into(),
        );
        assert_eq!(workshop.refused(&disk), [expected]);
    }
}

#[test]
fn what_lies_beside_the_partitions_is_refused() {
    let workshop = Workshop::new();
    let disk = workshop.disk(&[]);
    let good = fs::read(&disk).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        fs::write(&disk, changed).unwrap();
        workshop.verify(&disk).unwrap_err().to_string()
    };
    let partition = with(446 + 16 + 4, &[0x0c]);
    assert!(partition.contains("beside those of its GPT"), "{partition}");
    // The first sector of the EFI file system, as far as the table of partitions.
    let system = with(0, &good[MIB as usize..MIB as usize + 440]);
    assert!(system.contains("a file system beside"), "{system}");
}

#[test]
fn a_cd_starts_what_is_checked_only() {
    let workshop = Workshop::new();
    let path = workshop.directory.path().join("x.iso");
    iso::write(&path, &workshop.efi(&[]), "1.2.3").unwrap();
    assert_eq!(workshop.refused(&path), []);
    let good = fs::read(&path).unwrap();
    let catalog = 19 * 2048;
    for entry in [1, 3] {
        let mut changed = good.clone();
        let entry = catalog + 32 * entry;
        changed[entry] = 0x88;
        changed[entry + 8..entry + 12].copy_from_slice(&600_u32.to_le_bytes());
        fs::write(&path, changed).unwrap();
        let error = workshop.verify(&path).unwrap_err().to_string();
        assert!(error.contains("as a CD it starts"), "{error}");
    }
}
