//! Pages of `docs/` that are made of what the programs themselves know.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// A page, and what it is made by.
type Page = (&'static str, fn() -> String);

const PAGES: &[Page] = &[
    ("docs/components.md", ichor_rights::page),
    ("docs/cli.md", ichor_cli::page),
];

/// Writes the pages.
///
/// # Errors
/// When one cannot be written.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (name, page) in PAGES {
        let path = root.join(name);
        fs::write(&path, page()).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// Whether the pages are what the programs say.
///
/// # Errors
/// When one differs or cannot be read.
pub(crate) fn check(root: &Path) -> Result<()> {
    for (name, page) in PAGES {
        let path = root.join(name);
        let kept = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        if kept != page() {
            bail!("{} differs: run `./x proto`", path.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_what_the_programs_say() {
        check(&crate::root().unwrap()).unwrap();
    }

    #[test]
    fn a_page_that_differs_is_named() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("docs")).unwrap();
        write(directory.path()).unwrap();
        check(directory.path()).unwrap();
        let (name, _) = PAGES.last().unwrap();
        fs::write(directory.path().join(name), "old").unwrap();
        let error = check(directory.path()).unwrap_err().to_string();
        assert!(
            error.contains(name) && error.contains("./x proto"),
            "{error}"
        );
    }
}
