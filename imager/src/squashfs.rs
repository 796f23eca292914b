//! The root file system as a squashfs with its dm-verity tree behind it.

use std::fs::File;
use std::io::{Cursor, Seek, SeekFrom, Write};
use std::path::Path;

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
    let mut output = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(at("create", path))?;
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
