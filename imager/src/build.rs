//! From inputs to images: the whole way in one function.

use std::fs;
use std::path::{Path, PathBuf};

use ichor_authenticode::Signer;
use ichor_uki::Section;

use crate::ImageError;
use crate::error::{at, encode};
use crate::lock::Lock;
use crate::modules::Modules;
use crate::packages::{self, WhenGone};
use crate::progress::{Progress, Step};
use crate::sbom::{self, Document};
use crate::{disk, efi, fat, initramfs, iso, oci, qcow2, rootfs, squashfs};

pub use crate::squashfs::Compression;

const MIB: u64 = 1 << 20;
/// Two images of the OS and the boot loader must fit.
const EFI_BYTES: u64 = 160 * MIB;
/// Room for tables and rounding in the ISO's file system, and enough that FAT32 is allowed.
const ISO_SLACK_BYTES: u64 = 48 * MIB;
/// Boot attempts before the boot loader takes the other image.
const BOOT_TRIES: u32 = 3;

/// The kernel's arguments; the root hash is added.
const ARGUMENTS: &str = "talos.platform=metal slab_nomerge= pti=on consoleblank=0 \
    printk.devkmsg=on selinux=1 module.sig_enforce=1 proc_mem.force_override=never \
    net.ifnames=0 panic=10 console=tty0 console=ttyS0";

/// An ISO left in the drive must not hide the installed system.
const ISO_ARGUMENT: &str = "talos.halt_if_installed=1";

/// Our own parts, which have one version.
const COMPONENTS: &[&str] = &["init", "machined", "networkd", "apid", "storaged"];

/// What an image is built from.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// Our version.
    pub version: &'a str,
    /// The one binary of the OS.
    pub binary: &'a Path,
    /// Stage 1.
    pub stage1: &'a Path,
    /// What an image for tests has besides.
    pub probe: Option<Probe<'a>>,
    /// The packages.
    pub lock: &'a Lock,
    /// What happens when a package is gone from the archive.
    pub when_gone: WhenGone,
    /// How much time goes into size.
    pub compression: Compression,
    /// Signs the boot loader and the kernel images; without it nothing is signed.
    pub signer: Option<&'a Signer>,
    /// What is built besides the kernel image and the raw disk.
    pub also: &'a [Also],
    /// Packages and unpacked trees are kept here.
    pub cache: &'a Path,
    /// The images are put here.
    pub out: &'a Path,
}

/// What only an image for tests has.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// A program that is executed in place of PID 1, and becomes it.
    pub program: &'a Path,
    /// The packages of the programs that tests call.
    pub tools: &'a Lock,
}

/// Images that not everybody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Also {
    /// The disk as qcow2.
    Qcow2,
    /// A container image, for trying the OS without a machine.
    Oci,
    /// An ISO, whose OS does not start on a machine that has one installed.
    Iso,
}

/// What was built.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// The root file system with its verity tree.
    pub rootfs: PathBuf,
    /// The kernel.
    pub kernel: PathBuf,
    /// The initramfs with the root file system.
    pub initramfs: PathBuf,
    /// The one file that is the OS.
    pub uki: PathBuf,
    /// What the image consists of, as SPDX.
    pub sbom: PathBuf,
    /// A disk that boots.
    pub disk: PathBuf,
    /// The same disk, when asked for.
    pub qcow2: Option<PathBuf>,
    /// A CD that boots, when asked for.
    pub iso: Option<PathBuf>,
    /// A container image, when asked for.
    pub oci: Option<PathBuf>,
    /// The lock as it would have to be for exactly this image.
    pub lock: Lock,
    /// The same of the tools in an image for tests.
    pub tools_lock: Option<Lock>,
}

/// Builds all images, and tells each step.
///
/// # Errors
/// [`ImageError`] names the file, package or tool.
pub fn build(inputs: &Inputs<'_>, progress: Progress<'_>) -> Result<Outputs, ImageError> {
    fs::create_dir_all(inputs.cache).map_err(at("make directory", inputs.cache))?;
    let (packages, lock) = packages::unpack(inputs.lock, inputs.cache, inputs.when_gone, progress)?;
    let tools = match inputs.probe {
        Some(Probe { tools, .. }) => Some(packages::unpack(
            tools,
            inputs.cache,
            inputs.when_gone,
            progress,
        )?),
        None => None,
    };
    let (tools, tools_lock) = tools.unzip();
    let outputs = assemble(inputs, &packages, tools.as_deref(), lock, progress)?;
    Ok(Outputs {
        tools_lock,
        ..outputs
    })
}

/// Builds all images from packages that are unpacked already.
fn assemble(
    inputs: &Inputs<'_>,
    packages: &Path,
    tools: Option<&Path>,
    lock: Lock,
    progress: Progress<'_>,
) -> Result<Outputs, ImageError> {
    fs::create_dir_all(inputs.out).map_err(at("make directory", inputs.out))?;
    let kernel = kernel_version(packages)?;
    let modules = Modules::load(&packages.join("usr/lib/modules").join(&kernel))?;
    let os_release = os_release(inputs.version);

    let contents = rootfs::Inputs {
        packages,
        kernel: &kernel,
        binary: inputs.binary,
        probe: inputs.probe.map(|probe| probe.program),
        tools,
        modules: &modules,
        os_release: &os_release,
    };
    progress(Step::Make("root file system"));
    let rootfs = inputs.out.join("rootfs.squashfs");
    let root = squashfs::write(&rootfs::tree(&contents)?, &rootfs, inputs.compression)?;

    progress(Step::Make("initramfs"));
    let initramfs = inputs.out.join("initramfs");
    initramfs::write(
        &initramfs,
        inputs.stage1,
        &modules,
        &rootfs,
        inputs.compression,
    )?;

    let verity = root.to_argument();
    let document = Document::new(inputs.version, COMPONENTS, &lock, &verity);
    let mut sbom = serde_json::to_vec_pretty(&document).map_err(encode("SPDX document"))?;
    sbom.push(b'\n');
    let parts = UkiParts {
        packages,
        kernel: &kernel,
        os_release: &os_release,
        initramfs: &initramfs,
        sbom: &sbom,
        signer: inputs.signer,
    };
    let arguments = format!("{ARGUMENTS} ichor.verity={verity}");
    let name = format!("ichor-{}", inputs.version);
    let uki = inputs.out.join(format!("{name}.efi"));
    progress(Step::Make("kernel image"));
    write_uki(&uki, &parts, &arguments)?;
    // For booting without the boot loader, over the network or by hand.
    let vmlinuz = packages.join(format!("boot/vmlinuz-{kernel}"));
    let kernel_file = inputs.out.join("vmlinuz");
    copy(&vmlinuz, &kernel_file)?;
    let cmdline = inputs.out.join("cmdline");
    fs::write(&cmdline, &arguments).map_err(at("write", &cmdline))?;
    let sbom_path = inputs.out.join(format!("{name}.spdx.json"));
    fs::write(&sbom_path, &sbom).map_err(at("write", &sbom_path))?;

    progress(Step::Make("disk"));
    let disk = inputs.out.join("disk.raw");
    let entry = format!("{name}+{BOOT_TRIES}.efi");
    let files = efi::files(packages, &entry, &uki, inputs.signer)?;
    with_efi(inputs.out, EFI_BYTES, &files, |efi| disk::write(&disk, efi))?;
    let wanted = |kind, file: &str| inputs.also.contains(&kind).then(|| inputs.out.join(file));
    let qcow2 = wanted(Also::Qcow2, "disk.qcow2");
    if let Some(path) = &qcow2 {
        progress(Step::Make("qcow2 disk"));
        qcow2::write(&disk, path)?;
    }
    let iso = wanted(Also::Iso, &format!("{name}.iso"));
    if let Some(path) = &iso {
        progress(Step::Make("ISO"));
        write_iso(path, inputs, &parts, &arguments)?;
    }
    let oci = wanted(Also::Oci, &format!("{name}.oci.tar"));
    if let Some(path) = &oci {
        progress(Step::Make("container image"));
        oci::write(path, &rootfs::container(&contents)?, inputs.version)?;
    }
    Ok(Outputs {
        rootfs,
        kernel: kernel_file,
        initramfs,
        uki,
        sbom: sbom_path,
        disk,
        qcow2,
        iso,
        oci,
        lock,
        tools_lock: None,
    })
}

/// What all kernel images of a build share.
struct UkiParts<'a> {
    packages: &'a Path,
    kernel: &'a str,
    os_release: &'a str,
    initramfs: &'a Path,
    sbom: &'a [u8],
    signer: Option<&'a Signer>,
}

fn write_uki(path: &Path, parts: &UkiParts<'_>, arguments: &str) -> Result<(), ImageError> {
    let stub = parts
        .packages
        .join("usr/lib/systemd/boot/efi/linuxx64.efi.stub");
    let stub = fs::read(&stub).map_err(at("read", &stub))?;
    let vmlinuz = parts
        .packages
        .join(format!("boot/vmlinuz-{}", parts.kernel));
    let linux = fs::read(&vmlinuz).map_err(at("read", &vmlinuz))?;
    let initrd = fs::read(parts.initramfs).map_err(at("read", parts.initramfs))?;
    let sections = [
        (".osrel", parts.os_release.as_bytes()),
        (".cmdline", arguments.as_bytes()),
        (".uname", parts.kernel.as_bytes()),
        (sbom::SECTION, parts.sbom),
        (".initrd", &initrd),
        (".linux", &linux),
    ];
    let sections = sections.map(|(name, content)| Section { name, content });
    let image = ichor_uki::build(&stub, &sections).map_err(encode("unified kernel image"))?;
    fs::write(path, efi::signed(image, parts.signer)?).map_err(at("write", path))
}

fn write_iso(
    path: &Path,
    inputs: &Inputs<'_>,
    parts: &UkiParts<'_>,
    arguments: &str,
) -> Result<(), ImageError> {
    let uki = inputs.out.join("iso.efi");
    write_uki(&uki, parts, &format!("{arguments} {ISO_ARGUMENT}"))?;
    // Without tries: the boot loader cannot count on a CD.
    let entry = format!("ichor-{}.efi", inputs.version);
    let files = efi::files(parts.packages, &entry, &uki, inputs.signer)?;
    fs::remove_file(&uki).map_err(at("remove", &uki))?;
    let content: u64 = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let size = (content + ISO_SLACK_BYTES).next_multiple_of(MIB);
    with_efi(inputs.out, size, &files, |efi| {
        iso::write(path, efi, inputs.version)
    })
}

/// Makes an EFI file system, which is needed only until it is part of an image.
fn with_efi(
    out: &Path,
    size: u64,
    files: &efi::Files,
    use_it: impl FnOnce(&Path) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let path = out.join("efi.img");
    fat::write(&path, size, files)?;
    use_it(&path)?;
    fs::remove_file(&path).map_err(at("remove", &path))
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

#[cfg(test)]
mod tests;
