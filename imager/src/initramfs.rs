//! The initramfs: stage 1, its modules, and the root file system.
//!
//! Two archives in a row: stage 1 and its modules, compressed; and the squashfs, which is
//! compressed already, as it is.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::ImageError;
use crate::cpio;
use crate::error::at;
use crate::modules::Modules;
use crate::squashfs::Compression;
use crate::tree::{Content, Tree};

/// What the root file system lies on.
const STAGE1_MODULES: &[&str] = &["loop", "dm_verity", "squashfs"];

/// An archive with one static program as `/init`, for guests that run nothing else.
///
/// # Errors
/// When the program cannot be read.
pub fn of_program(program: &Path) -> std::io::Result<Vec<u8>> {
    let mut tree = Tree::default();
    tree.file("init", 0o755, Content::Path(program.to_owned()));
    let mut archive = Vec::new();
    cpio::write(&tree, &mut archive)?;
    Ok(archive)
}

/// Writes the initramfs.
pub(crate) fn write(
    path: &Path,
    stage1: &Path,
    modules: &Modules,
    rootfs: &Path,
    compression: Compression,
) -> Result<(), ImageError> {
    let file = File::create(path).map_err(at("create", path))?;
    let mut output = BufWriter::new(file);
    let level = match compression {
        Compression::Fast => 1,
        Compression::Small => 19,
    };
    let write = |output: &mut BufWriter<File>| -> std::io::Result<()> {
        let mut image = Tree::default();
        image.file("rootfs.squashfs", 0o400, Content::Path(rootfs.to_owned()));
        cpio::write(&image, output)?;
        let mut encoder = zstd::Encoder::new(output, level)?;
        cpio::write(&stage1_tree(stage1, modules), &mut encoder)?;
        encoder.finish()?.flush()
    };
    write(&mut output).map_err(at("write", path))
}

fn stage1_tree(stage1: &Path, modules: &Modules) -> Tree {
    let mut tree = Tree::default();
    tree.file("init", 0o755, Content::Path(stage1.to_owned()));
    // Without a console the kernel starts the first process without standard output.
    tree.character_device("dev/console", 0o600, 5, 1);
    let mut order = String::new();
    for step in modules.in_steps(STAGE1_MODULES) {
        let mut names = Vec::new();
        for module in step {
            let name = module.path.rsplit('/').next().unwrap_or(&module.path);
            tree.file(
                &format!("modules/{name}"),
                0o644,
                Content::Bytes(module.content.clone()),
            );
            names.push(name);
        }
        order.push_str(&names.join(" "));
        order.push('\n');
    }
    tree.text("modules/order", order);
    tree
}
