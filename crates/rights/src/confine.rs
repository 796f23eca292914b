//! Applying a row of the table to a process that is about to be started.

use ichor_sys::process::{Command, Credentials};
use ichor_sys::restrict::Unshare;

use crate::{Calls, Namespace, Rights, paths, seccomp};

/// Rights could not be turned into restrictions. The process must not be started.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    /// The filter of system calls.
    #[error("compile the filter of system calls")]
    Filter(#[from] seccompiler::BackendError),
    /// The rules for files.
    #[error("make the rules for files")]
    Paths(#[from] landlock::RulesetError),
}

/// Restricts `command` to `rights`: user, capabilities, `no_new_privs`, namespaces, files, system
/// calls. What the running kernel does not offer of Landlock is left out.
///
/// # Errors
/// [`RightsError`].
pub fn confine(command: Command, rights: &Rights) -> Result<Command, RightsError> {
    let mut command = command.credentials(Credentials {
        uid: rights.uid,
        gid: rights.uid,
        groups: rights.groups,
        capabilities: rights.capabilities,
        no_new_privileges: true,
    });
    let namespaces = rights.namespaces.iter().map(|namespace| match namespace {
        Namespace::Ipc => Unshare::Ipc,
        Namespace::Uts => Unshare::Uts,
        Namespace::Net => Unshare::Net,
    });
    command = command.unshare(namespaces);
    if let Some(rules) = paths::rules(&rights.paths)? {
        command = command.landlock(rules);
    }
    match rights.calls {
        Calls::All => Ok(command),
        Calls::Basic(groups) => Ok(command.filters(seccomp::filters(groups)?)),
    }
}
