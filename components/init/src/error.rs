//! Why stage 1 could not go on.

use std::io;
use std::path::PathBuf;

use ichor_sys::{dm, loopdev, module, mount};

/// Why stage 1 could not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stage1Error {
    #[error("make directory {}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    #[error("read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the processor lacks {0}; x86-64-v2 is needed")]
    Processor(&'static str),
    #[error("mount")]
    Mount(#[from] mount::MountError),
    #[error("load what the root file system needs")]
    Module(#[from] module::ModuleError),
    #[error(
        "the kernel command line has no ichor.verity= argument, so the root file system cannot be \
         verified; start the machine from a complete image"
    )]
    NoRootHash,
    #[error("kernel argument ichor.verity={value:?}: {problem}")]
    RootHash {
        value: String,
        problem: &'static str,
    },
    #[error("attach the root file system image")]
    Loop(#[from] loopdev::LoopError),
    #[error("verify the root file system image")]
    Verity(#[from] dm::DmError),
    #[error("{step} {}", path.display())]
    Switch {
        step: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("execute {}", path.display())]
    Execute { path: PathBuf, source: io::Error },
}
