//! `docs/components.md`, from the table of rights.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

const PAGE: &str = "docs/components.md";

/// Writes the page.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(root: &Path) -> Result<()> {
    let path = root.join(PAGE);
    fs::write(&path, ichor_rights::page()).with_context(|| format!("write {}", path.display()))
}

/// Whether the page is what the table says.
///
/// # Errors
/// When it differs or cannot be read.
pub(crate) fn check(root: &Path) -> Result<()> {
    let path = root.join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    if page != ichor_rights::page() {
        bail!("{} differs: run `./x proto`", path.display());
    }
    Ok(())
}
