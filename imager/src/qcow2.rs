//! A disk image as qcow2, which holds only the parts that are not zero.
//!
//! ```text
//! header │ refcount table │ refcount blocks │ L1 table │ L2 tables │ data
//! ```
//!
//! Source: QEMU, docs/interop/qcow2.rst, version 3.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::ImageError;
use crate::error::{at, encode};

const CLUSTER_BITS: u32 = 16;
const CLUSTER_BYTES: u64 = 1 << CLUSTER_BITS;
/// Entries of 8 bytes in a cluster.
const ENTRIES: u64 = CLUSTER_BYTES / 8;
/// Counts of 16 bits in a cluster.
const COUNTS: u64 = CLUSTER_BYTES / 2;
/// The cluster has one user and may be written in place.
const COPIED: u64 = 1 << 63;
/// The cluster is compressed, in an entry of an L2 table.
const COMPRESSED: u64 = 1 << 62;
/// The place, in an entry of either table.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const HEADER_BYTES: u32 = 104;
/// `QFI` and 0xfb.
const MAGIC: u32 = 0x5146_49fb;
const NOT_ENCRYPTED: u32 = 0;
/// A count has two to this power bits.
const COUNT_ORDER: u32 = 4;
const NO_EXTENSIONS: u32 = 0;

/// Where everything is, in clusters.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    size_bytes: u64,
    refcount_table: u64,
    refcount_blocks: u64,
    level1_clusters: u64,
    /// L2 tables that exist, by their place in the L1 table.
    level2: Vec<u64>,
    /// Clusters of the disk that are not zero.
    data: Vec<u64>,
}

/// Writes the disk `raw` as qcow2.
pub(crate) fn write(raw: &Path, path: &Path) -> Result<(), ImageError> {
    let source = File::open(raw).map_err(at("open", raw))?;
    let size_bytes = source.metadata().map_err(at("read", raw))?.len();
    let mut source = BufReader::with_capacity(1 << 20, source);
    let data = used(&mut source).map_err(at("read", raw))?;
    let plan = plan(size_bytes, data);
    if plan.refcount_table != 1 {
        return Err(encode("qcow2")("the disk is above 16 TiB"));
    }
    let target = File::create(path).map_err(at("create", path))?;
    let mut target = BufWriter::with_capacity(1 << 20, target);
    tables(&plan, &mut target).map_err(at("write", path))?;
    let mut cluster = Vec::new();
    for index in &plan.data {
        source
            .seek(SeekFrom::Start(index * CLUSTER_BYTES))
            .map_err(at("read", raw))?;
        read_cluster(&mut source, &mut cluster).map_err(at("read", raw))?;
        cluster.resize(1 << CLUSTER_BITS, 0);
        target.write_all(&cluster).map_err(at("write", path))?;
    }
    target.flush().map_err(at("write", path))
}

/// The clusters that are not zero.
fn used(source: &mut impl Read) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    let mut cluster = Vec::new();
    for index in 0.. {
        if read_cluster(source, &mut cluster)? == 0 {
            break;
        }
        if cluster.iter().any(|byte| *byte != 0) {
            found.push(index);
        }
    }
    Ok(found)
}

fn read_cluster(source: &mut impl Read, cluster: &mut Vec<u8>) -> io::Result<usize> {
    cluster.clear();
    source.take(CLUSTER_BYTES).read_to_end(cluster)
}

fn plan(size_bytes: u64, data: Vec<u64>) -> Plan {
    let mut level2: Vec<u64> = data.iter().map(|cluster| cluster / ENTRIES).collect();
    level2.dedup();
    let tables = size_bytes.div_ceil(CLUSTER_BYTES).div_ceil(ENTRIES);
    let level1_clusters = tables.div_ceil(ENTRIES).max(1);
    let others = 1 + level1_clusters + (level2.len() + data.len()) as u64;
    // The counts count themselves.
    let mut refcount_blocks = 1;
    let mut refcount_table = 1;
    while (others + refcount_blocks + refcount_table).div_ceil(COUNTS) > refcount_blocks {
        refcount_blocks += 1;
        refcount_table = refcount_blocks.div_ceil(ENTRIES);
    }
    Plan {
        size_bytes,
        refcount_table,
        refcount_blocks,
        level1_clusters,
        level2,
        data,
    }
}

impl Plan {
    fn level1_at(&self) -> u64 {
        1 + self.refcount_table + self.refcount_blocks
    }

    fn level2_at(&self) -> u64 {
        self.level1_at() + self.level1_clusters
    }

    fn data_at(&self) -> u64 {
        self.level2_at() + self.level2.len() as u64
    }

    fn end(&self) -> u64 {
        self.data_at() + self.data.len() as u64
    }

    fn level1_entries(&self) -> u64 {
        self.size_bytes
            .div_ceil(CLUSTER_BYTES)
            .div_ceil(ENTRIES)
            .max(1)
    }
}

/// Everything before the data.
fn tables(plan: &Plan, target: &mut impl Write) -> io::Result<()> {
    padded(target, &header(plan))?;
    let blocks = 1 + plan.refcount_table..plan.level1_at();
    padded(target, &entries(blocks.map(|block| block * CLUSTER_BYTES)))?;
    for block in 0..plan.refcount_blocks {
        let counts = (block * COUNTS..(block + 1) * COUNTS)
            .flat_map(|cluster| u16::from(cluster < plan.end()).to_be_bytes());
        padded(target, &counts.collect::<Vec<_>>())?;
    }
    let mut next = plan.level2_at();
    let mut place = |exists: bool| {
        let at = if exists { next } else { 0 };
        next += u64::from(exists);
        pointer(at)
    };
    let level1 =
        (0..plan.level1_entries()).map(|index| place(plan.level2.binary_search(&index).is_ok()));
    let mut level1 = entries(level1);
    level1.resize((plan.level1_clusters * CLUSTER_BYTES) as usize, 0);
    target.write_all(&level1)?;
    let mut next = plan.data_at();
    let mut data = plan.data.iter().peekable();
    for table in &plan.level2 {
        let level2 = (table * ENTRIES..(table + 1) * ENTRIES).map(|cluster| {
            if data.next_if_eq(&&cluster).is_none() {
                return 0;
            }
            next += 1;
            pointer(next - 1)
        });
        padded(target, &entries(level2))?;
    }
    Ok(())
}

/// An entry for a cluster; zero is none.
const fn pointer(cluster: u64) -> u64 {
    if cluster == 0 {
        return 0;
    }
    (cluster * CLUSTER_BYTES) | COPIED
}

fn entries(values: impl Iterator<Item = u64>) -> Vec<u8> {
    values.flat_map(u64::to_be_bytes).collect()
}

fn header(plan: &Plan) -> Vec<u8> {
    let long = |value: u64| [(value >> 32) as u32, value as u32];
    let [size_high, size_low] = long(plan.size_bytes);
    let [level1_high, level1_low] = long(plan.level1_at() * CLUSTER_BYTES);
    let [counts_high, counts_low] = long(CLUSTER_BYTES);
    let version = [MAGIC, 3];
    let no_backing_file = [0; 3];
    let disk = [CLUSTER_BITS, size_high, size_low, NOT_ENCRYPTED];
    let level1 = [plan.level1_entries() as u32, level1_high, level1_low];
    let counts = [counts_high, counts_low, plan.refcount_table as u32];
    let no_snapshots = [0; 3];
    let no_features = [0; 6];
    let end = [COUNT_ORDER, HEADER_BYTES, NO_EXTENSIONS, 0];
    let words: [&[u32]; 8] = [
        &version,
        &no_backing_file,
        &disk,
        &level1,
        &counts,
        &no_snapshots,
        &no_features,
        &end,
    ];
    words
        .concat()
        .into_iter()
        .flat_map(u32::to_be_bytes)
        .collect()
}

/// Writes up to the end of a cluster.
fn padded(target: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    target.write_all(bytes)?;
    let short = bytes.len().next_multiple_of(1 << CLUSTER_BITS) - bytes.len();
    target.write_all(&vec![0; short])
}

/// Reads a disk from a qcow2 file of the plain kind that [`write`] makes, and `qemu-img convert`.
#[derive(Debug)]
pub(crate) struct Reader<F> {
    file: F,
    size_bytes: u64,
    cluster_bytes: u64,
    level1_at: u64,
    position: u64,
}

impl<F: Read + Seek> Reader<F> {
    /// Reads the header.
    ///
    /// # Errors
    /// `InvalidData` for another format, encrypted or compressed disks, those with snapshots, those
    /// that are the difference to another file or whose data are in one, and those with features that
    /// are not known here: a machine would read another disk than we.
    pub(crate) fn open(mut file: F) -> io::Result<Self> {
        let mut header = [0; 80];
        file.read_exact(&mut header)?;
        let word = |at: usize| number(&header, at, 4);
        let known = word(0) == u64::from(MAGIC) && matches!(word(4), 2 | 3);
        if !known || !(9..=21).contains(&word(20)) {
            return Err(unknown("not a plain qcow2 file"));
        }
        if number(&header, 8, 8) != 0 {
            return Err(unknown(
                "a qcow2 file that is the difference to another file",
            ));
        }
        if word(32) != u64::from(NOT_ENCRYPTED) {
            return Err(unknown("an encrypted qcow2 file"));
        }
        if word(60) != 0 {
            return Err(unknown(
                "a qcow2 file with snapshots, which are other disks",
            ));
        }
        // Among them: the data are in another file, which takes the place of all that is here.
        if word(4) == 3 && number(&header, 72, 8) != 0 {
            return Err(unknown("a qcow2 file with incompatible features"));
        }
        Ok(Self {
            file,
            size_bytes: number(&header, 24, 8),
            cluster_bytes: 1 << word(20),
            level1_at: number(&header, 40, 8),
            position: 0,
        })
    }

    /// Where the data of the present position are; none for zeroes.
    fn locate(&mut self) -> io::Result<Option<u64>> {
        let cluster = self.position / self.cluster_bytes;
        let entries = self.cluster_bytes / 8;
        let Some(level2) = self.entry(self.level1_at, cluster / entries)? else {
            return Ok(None);
        };
        let data = self.entry(level2, cluster % entries)?;
        Ok(data.map(|data| data + self.position % self.cluster_bytes))
    }

    fn entry(&mut self, table: u64, index: u64) -> io::Result<Option<u64>> {
        let mut bytes = [0; 8];
        let place = index
            .checked_mul(8)
            .and_then(|offset| table.checked_add(offset));
        let place = place.ok_or_else(|| unknown("a qcow2 file with a table behind all files"))?;
        self.file.seek(SeekFrom::Start(place))?;
        self.file.read_exact(&mut bytes)?;
        let entry = u64::from_be_bytes(bytes);
        if entry & COMPRESSED != 0 {
            return Err(unknown("a compressed qcow2 file"));
        }
        // Bit 0 says that the cluster reads as zeroes.
        let offset = entry & OFFSET;
        Ok((offset != 0 && entry & 1 == 0).then_some(offset))
    }
}

impl<F: Read + Seek> Read for Reader<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let in_disk = self.size_bytes.saturating_sub(self.position);
        let in_cluster = self.cluster_bytes - self.position % self.cluster_bytes;
        let length = (buffer.len() as u64).min(in_disk).min(in_cluster);
        let Some(buffer) = buffer.get_mut(..length as usize) else {
            return Ok(0);
        };
        if buffer.is_empty() {
            return Ok(0);
        }
        match self.locate()? {
            Some(place) => {
                self.file.seek(SeekFrom::Start(place))?;
                self.file.read_exact(buffer)?;
            }
            None => buffer.fill(0),
        }
        self.position += length;
        Ok(buffer.len())
    }
}

impl<F: Read + Seek> Seek for Reader<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.size_bytes.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    let digits = bytes.iter().skip(at).take(size);
    digits.fold(0, |sum, digit| sum << 8 | u64::from(*digit))
}

fn unknown(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The disk that a qcow2 file holds.
    fn read(file: &Path) -> Vec<u8> {
        let mut disk = Vec::new();
        let mut reader = Reader::open(File::open(file).unwrap()).unwrap();
        reader.read_to_end(&mut disk).unwrap();
        disk
    }

    fn convert(disk: &[u8]) -> (Vec<u8>, Vec<u8>, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let raw = directory.path().join("disk.raw");
        let path = directory.path().join("disk.qcow2");
        std::fs::write(&raw, disk).unwrap();
        write(&raw, &path).unwrap();
        (std::fs::read(&path).unwrap(), read(&path), directory)
    }

    #[test]
    fn the_disk_comes_back() {
        let mut disk = vec![0; (3 << 20) + 512];
        disk[0] = 1;
        disk[(1 << 20) + 77] = 2;
        *disk.last_mut().unwrap() = 3;
        let (file, read, _directory) = convert(&disk);
        assert_eq!(read, disk);
        assert_eq!(
            file.len(),
            8 << 16,
            "five clusters of tables, three of data"
        );
        assert_eq!(convert(&disk).0, file);
    }

    #[test]
    fn an_empty_disk_has_no_data() {
        let (file, read, _directory) = convert(&[0; 4096]);
        assert_eq!((read, file.len()), (vec![0; 4096], 4 << 16));
    }

    #[test]
    fn tables_of_a_large_disk_fit() {
        // 1 GiB of data, spread over 2 TiB.
        let plan = plan(2 << 40, (0..16384).map(|index| index * 2048).collect());
        assert_eq!(plan.level2.len(), 4096);
        assert_eq!((plan.level1_entries(), plan.level1_clusters), (4096, 1));
        assert!(plan.refcount_blocks * COUNTS >= plan.end());
        let mut bytes = Vec::new();
        tables(&plan, &mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, plan.data_at() * CLUSTER_BYTES);
    }

    #[test]
    fn qemu_img_agrees() {
        let mut disk = vec![0; 2 << 20];
        disk[70_000..1_000_000].fill(9);
        let (_, _, directory) = convert(&disk);
        for arguments in [
            &["check", "disk.qcow2"][..],
            &["compare", "disk.raw", "disk.qcow2"],
        ] {
            let output = std::process::Command::new("qemu-img")
                .args(arguments)
                .current_dir(directory.path())
                .output()
                .expect("the package qemu-utils is installed");
            assert!(output.status.success(), "{output:?}");
        }
    }

    #[test]
    fn what_a_machine_would_read_otherwise_is_refused() {
        let (file, _, _directory) = convert(&[1; 4096]);
        for (at, problem) in [
            (15, "difference"),
            (35, "encrypted"),
            (63, "snapshots"),
            (79, "incompatible"),
            (72, "incompatible"),
        ] {
            let mut file = file.clone();
            file[at] ^= 4;
            let error = Reader::open(io::Cursor::new(file)).unwrap_err().to_string();
            assert!(error.contains(problem), "{at}: {error}");
        }
    }

    #[test]
    fn a_table_behind_all_files_is_refused() {
        let mut header = vec![0; 80];
        header[..4].copy_from_slice(b"QFI\xfb");
        header[7] = 3;
        header[23] = 16;
        header[24..32].fill(1);
        header[40..48].fill(0xff);
        let mut reader = Reader::open(io::Cursor::new(header)).unwrap();
        reader.seek(SeekFrom::Start(1 << 40)).unwrap();
        assert!(reader.read(&mut [0; 8]).is_err());
    }
}
