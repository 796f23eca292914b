//! From inputs to images: the whole way in one function.

use std::fs;
use std::path::{Path, PathBuf};

use ichor_uki::Section;

use crate::ImageError;
use crate::error::{at, encode};
use crate::lock::Lock;
use crate::modules::Modules;
use crate::packages::{self, WhenGone};
use crate::{disk, fat, initramfs, rootfs, squashfs};

pub use crate::squashfs::Compression;

const MIB: u64 = 1 << 20;
/// Two images of the OS and the boot loader must fit.
const EFI_BYTES: u64 = 160 * MIB;
/// Boot attempts before the boot loader takes the other image.
const BOOT_TRIES: u32 = 3;

/// The kernel's arguments; the root hash is added.
const ARGUMENTS: &str = "talos.platform=metal slab_nomerge= pti=on consoleblank=0 \
    printk.devkmsg=on selinux=1 module.sig_enforce=1 proc_mem.force_override=never \
    net.ifnames=0 panic=10 console=tty0 console=ttyS0";

/// What an image is built from.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// Our version.
    pub version: &'a str,
    /// The one binary of the OS.
    pub binary: &'a Path,
    /// Stage 1.
    pub stage1: &'a Path,
    /// The packages.
    pub lock: &'a Lock,
    /// What happens when a package is gone from the archive.
    pub when_gone: WhenGone,
    /// How much time goes into size.
    pub compression: Compression,
    /// Packages and unpacked trees are kept here.
    pub cache: &'a Path,
    /// The images are put here.
    pub out: &'a Path,
}

/// What was built.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// The root file system with its verity tree.
    pub rootfs: PathBuf,
    /// The initramfs with the root file system.
    pub initramfs: PathBuf,
    /// The one file that is the OS.
    pub uki: PathBuf,
    /// A disk that boots.
    pub disk: PathBuf,
    /// The lock as it would have to be for exactly this image.
    pub lock: Lock,
}

/// Builds all images.
///
/// # Errors
/// [`ImageError`] names the file, package or tool.
pub fn build(inputs: &Inputs<'_>) -> Result<Outputs, ImageError> {
    fs::create_dir_all(inputs.cache).map_err(at("make directory", inputs.cache))?;
    fs::create_dir_all(inputs.out).map_err(at("make directory", inputs.out))?;
    let (packages, lock) = packages::unpack(inputs.lock, inputs.cache, inputs.when_gone)?;
    let kernel = kernel_version(&packages)?;
    let modules = Modules::load(&packages.join("usr/lib/modules").join(&kernel))?;
    let os_release = os_release(inputs.version);

    let tree = rootfs::tree(&rootfs::Inputs {
        packages: &packages,
        kernel: &kernel,
        binary: inputs.binary,
        modules: &modules,
        os_release: &os_release,
    })?;
    let rootfs = inputs.out.join("rootfs.squashfs");
    let root = squashfs::write(&tree, &rootfs, inputs.compression)?;

    let initramfs = inputs.out.join("initramfs");
    initramfs::write(
        &initramfs,
        inputs.stage1,
        &modules,
        &rootfs,
        inputs.compression,
    )?;

    let arguments = format!("{ARGUMENTS} ichor.verity={}", root.to_argument());
    let uki = inputs.out.join(format!("ichor-{}.efi", inputs.version));
    write_uki(
        &uki,
        &packages,
        &kernel,
        &os_release,
        &arguments,
        &initramfs,
    )?;
    // For booting without the boot loader, over the network or by hand.
    let vmlinuz = packages.join(format!("boot/vmlinuz-{kernel}"));
    copy(&vmlinuz, &inputs.out.join("vmlinuz"))?;
    let cmdline = inputs.out.join("cmdline");
    fs::write(&cmdline, &arguments).map_err(at("write", &cmdline))?;

    let disk = inputs.out.join("disk.raw");
    write_disk(&disk, inputs, &packages, &uki)?;
    Ok(Outputs {
        rootfs,
        initramfs,
        uki,
        disk,
        lock,
    })
}

fn write_uki(
    path: &Path,
    packages: &Path,
    kernel: &str,
    os_release: &str,
    arguments: &str,
    initramfs: &Path,
) -> Result<(), ImageError> {
    let stub = packages.join("usr/lib/systemd/boot/efi/linuxx64.efi.stub");
    let stub = fs::read(&stub).map_err(at("read", &stub))?;
    let vmlinuz = packages.join(format!("boot/vmlinuz-{kernel}"));
    let linux = fs::read(&vmlinuz).map_err(at("read", &vmlinuz))?;
    let initrd = fs::read(initramfs).map_err(at("read", initramfs))?;
    let sections = [
        (".osrel", os_release.as_bytes()),
        (".cmdline", arguments.as_bytes()),
        (".uname", kernel.as_bytes()),
        (".initrd", &initrd),
        (".linux", &linux),
    ];
    let sections = sections.map(|(name, content)| Section { name, content });
    let image = ichor_uki::build(&stub, &sections).map_err(encode("unified kernel image"))?;
    fs::write(path, image).map_err(at("write", path))
}

fn write_disk(
    path: &Path,
    inputs: &Inputs<'_>,
    packages: &Path,
    uki: &Path,
) -> Result<(), ImageError> {
    let loader = packages.join("usr/lib/systemd/boot/efi/systemd-bootx64.efi");
    let loader = fs::read(&loader).map_err(at("read", &loader))?;
    let image = fs::read(uki).map_err(at("read", uki))?;
    let entry = format!("EFI/Linux/ichor-{}+{BOOT_TRIES}.efi", inputs.version);
    let files = [
        ("EFI/BOOT/BOOTX64.EFI", loader),
        ("loader/loader.conf", b"timeout 0\n".to_vec()),
        (entry.as_str(), image),
    ];
    let efi = inputs.out.join("efi.img");
    fat::write(&efi, EFI_BYTES, &files)?;
    disk::write(path, &efi)?;
    fs::remove_file(&efi).map_err(at("remove", &efi))
}

/// The one kernel of the packages.
fn kernel_version(packages: &Path) -> Result<String, ImageError> {
    let directory = packages.join("usr/lib/modules");
    let versions = rootfs::sorted(&directory)?;
    match versions.as_slice() {
        [one] => Ok(one
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()),
        others => Err(ImageError::Format {
            path: directory,
            problem: format!("{} kernels instead of one", others.len()),
        }),
    }
}

fn os_release(version: &str) -> String {
    format!(
        "NAME=\"Ichor\"\nID=ichor\nVERSION_ID={version}\nPRETTY_NAME=\"Ichor {version}\"\n\
         IMAGE_ID=ichor\nIMAGE_VERSION={version}\n"
    )
}

fn copy(from: &Path, to: &Path) -> Result<(), ImageError> {
    fs::copy(from, to).map_err(at("copy", from))?;
    Ok(())
}
