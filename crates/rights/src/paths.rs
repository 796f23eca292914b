//! Files that a process may use, as a Landlock ruleset.
//!
//! Source: Documentation/userspace-api/landlock.rst of the kernel.

use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
};

use crate::{Paths, Use};

/// The newest rules that we know; the kernel of the image has them all.
const NEWEST: ABI = ABI::V6;

/// Makes the rules. `None` when everything is allowed, or the kernel has no Landlock.
///
/// A path that the node does not have is no rule: there is nothing to allow.
pub(crate) fn rules(paths: &Paths) -> Result<Option<OwnedFd>, RulesetError> {
    let Paths::Below(allowed) = paths else {
        return Ok(None);
    };
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for (path, how) in *allowed {
        if let Ok(file) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(file, access(*how)))?;
        }
    }
    Ok(ruleset.into())
}

fn access(how: Use) -> BitFlags<AccessFs> {
    match how {
        Use::List => AccessFs::ReadDir.into(),
        Use::Read => AccessFs::ReadFile | AccessFs::ReadDir,
        Use::Write => {
            AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::Truncate
        }
        Use::Execute => AccessFs::ReadFile | AccessFs::Execute,
    }
}
