//! The root file system as a squashfs with its dm-verity tree behind it.

use std::fs::File;
use std::io::{Cursor, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use backhand::compression::{CompressionOptions, Compressor, Zstd};
use backhand::{FilesystemCompressor, FilesystemWriter, NodeHeader};

use crate::ImageError;
use crate::error::{at, encode};
use crate::tree::{Content, Node, Tree};

const BLOCK_BYTES: u32 = 128 * 1024;

/// How much time goes into size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// For images that are booted once and thrown away.
    Fast,
    /// For what ships.
    Small,
}

/// Writes the tree; returns what the kernel must be told to verify it.
pub(crate) fn write(
    tree: &Tree,
    path: &Path,
    compression: Compression,
) -> Result<ichor_verity::Root, ImageError> {
    let mut output = create(path)?;
    fill(tree, &mut output, compression)?;
    let end = output.seek(SeekFrom::End(0)).map_err(at("write", path))?;
    let padded = end.next_multiple_of(ichor_verity::BLOCK_BYTES);
    output.set_len(padded).map_err(at("write", path))?;
    output.seek(SeekFrom::Start(0)).map_err(at("read", path))?;
    let verity = ichor_verity::build(&mut output, padded).map_err(at("read", path))?;
    output
        .seek(SeekFrom::Start(padded))
        .and_then(|_| output.write_all(&verity.tree))
        .map_err(at("write", path))?;
    Ok(verity.root)
}

/// Writes programs of the build host, by their names, for a machine that tests run in.
///
/// # Errors
/// [`ImageError`] names the file.
pub fn of_programs(programs: &[(String, PathBuf)], path: &Path) -> Result<(), ImageError> {
    let mut tree = Tree::default();
    for (name, source) in programs {
        tree.file(name, 0o755, Content::Path(source.clone()));
    }
    let mut output = create(path)?;
    fill(&tree, &mut output, Compression::Fast)?;
    // Block devices consist of whole sectors.
    let end = output.seek(SeekFrom::End(0)).map_err(at("write", path))?;
    let whole = end.next_multiple_of(ichor_verity::BLOCK_BYTES);
    output.set_len(whole).map_err(at("write", path))
}

fn create(path: &Path) -> Result<File, ImageError> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(at("create", path))
}

fn fill(tree: &Tree, output: &mut File, compression: Compression) -> Result<(), ImageError> {
    let refuse = || encode("squashfs");
    let mut writer = FilesystemWriter::default();
    let compression_level = match compression {
        Compression::Fast => 1,
        Compression::Small => 19,
    };
    let options = CompressionOptions::Zstd(Zstd { compression_level });
    let compressor = FilesystemCompressor::new(Compressor::Zstd, Some(options)).map_err(refuse())?;
    writer.set_compressor(compressor);
    writer.set_block_size(BLOCK_BYTES);
    writer.set_time(0);
    writer.set_root_mode(0o755);
    writer.set_only_root_id();
    let header = |mode: u16| NodeHeader::new(mode, 0, 0, 0);
    for (path, node) in tree.iter() {
        let pushed = match node {
            Node::Directory { mode } => writer.push_dir(path, header(*mode)),
            Node::Link { target } => writer.push_symlink(target, path, header(0o777)),
            Node::CharacterDevice { mode, major, minor } => {
                writer.push_char_device((major << 8) | minor, path, header(*mode))
            }
            Node::File { mode, content } => match content {
                Content::Bytes(bytes) => {
                    writer.push_file(Cursor::new(bytes.clone()), path, header(*mode))
                }
                Content::Path(source) => {
                    let file = File::open(source).map_err(at("open", source))?;
                    writer.push_file(file, path, header(*mode))
                }
            },
        };
        pushed.map_err(refuse())?;
    }
    writer.write(output).map_err(refuse())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use backhand::{FilesystemReader, InnerNode};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_tree_comes_back_and_belongs_to_root() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root");
        let source = directory.path().join("source");
        // Hashes of numbers: nothing that compresses into one block.
        let hashes = (0..9375_u32).map(|number| Sha256::digest(number.to_le_bytes()));
        let big: Vec<u8> = hashes.flatten().collect();
        std::fs::write(&source, &big).unwrap();
        let mut tree = Tree::default();
        tree.file("usr/bin/big", 0o755, Content::Path(source));
        tree.text("etc/os-release", "ID=ichor\n");
        tree.link("bin", "usr/bin");
        tree.directory("var", 0o755);
        let root = write(&tree, &path, Compression::Fast).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        assert_eq!(root.hash_offset % 4096, 0);
        assert_eq!(root.data_blocks * 4096, root.hash_offset);
        assert!(size > root.hash_offset, "the verity tree follows");

        let file = BufReader::new(File::open(&path).unwrap());
        let reader = FilesystemReader::from_reader(file).unwrap();
        let mut found = Vec::new();
        for node in reader.files() {
            let header = node.header;
            assert_eq!((header.uid, header.gid, header.mtime), (0, 0, 0));
            let name = node.fullpath.display().to_string();
            let mode = header.permissions;
            found.push(match &node.inner {
                InnerNode::File(file) => {
                    let mut content = Vec::new();
                    reader
                        .file(file)
                        .reader()
                        .read_to_end(&mut content)
                        .unwrap();
                    format!("{mode:o} {name} {}", content.len())
                }
                InnerNode::Symlink(link) => format!("{name} -> {}", link.link.display()),
                _ => format!("{mode:o} {name}"),
            });
        }
        let expected = [
            "755 /",
            "/bin -> usr/bin",
            "755 /etc",
            "644 /etc/os-release 9",
            "755 /usr",
            "755 /usr/bin",
            "755 /usr/bin/big 300000",
            "755 /var",
        ];
        assert_eq!(found, expected);
    }
}
