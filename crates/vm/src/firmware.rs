//! Where Debian's `ovmf` package puts its firmware.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Firmware code, which all machines share, and the variables each machine starts with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// Read-only flash with the code.
    pub code: PathBuf,
    /// Template of the flash with the variables; copied for each machine.
    pub vars: PathBuf,
    /// Whether the code guards the variables by system management mode, as Secure Boot needs.
    pub smm: bool,
}

/// No firmware was found.
#[derive(Debug, thiserror::Error)]
#[error("no UEFI firmware in {}: install the package ovmf", DIRECTORY)]
pub struct FirmwareError;

const DIRECTORY: &str = "/usr/share/OVMF";

impl Firmware {
    /// Firmware without Secure Boot.
    ///
    /// # Errors
    /// [`FirmwareError`] when the package is not installed.
    pub fn find() -> Result<Self, FirmwareError> {
        Self::of("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd", false)
    }

    /// Firmware that enforces Secure Boot once keys are enrolled. Its own variables hold none, so
    /// a machine that shall enforce gets a file with a key ([`NodeSpec::vars`]).
    ///
    /// [`NodeSpec::vars`]: crate::NodeSpec::vars
    ///
    /// # Errors
    /// [`FirmwareError`] when the package is not installed.
    pub fn find_secure() -> Result<Self, FirmwareError> {
        Self::of("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.fd", true)
    }

    fn of(code: &str, vars: &str, smm: bool) -> Result<Self, FirmwareError> {
        let directory = Path::new(DIRECTORY);
        let (code, vars) = (directory.join(code), directory.join(vars));
        if code.exists() && vars.exists() {
            Ok(Self { code, vars, smm })
        } else {
            Err(FirmwareError)
        }
    }
}
