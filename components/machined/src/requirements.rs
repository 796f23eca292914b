//! Kernel arguments without which a node does not start.

use ichor_cmdline::Cmdline;

/// Name, required value (`None`: any), and what it is for.
const REQUIRED: &[(&str, Option<&str>, &str)] = &[
    (
        "talos.platform",
        None,
        "says where the machine runs, for example talos.platform=metal",
    ),
    (
        "slab_nomerge",
        None,
        "keeps kernel objects of different kinds apart, write slab_nomerge",
    ),
    (
        "pti",
        Some("on"),
        "separates the page tables of kernel and user space, write pti=on",
    ),
];

/// Arguments are missing from the kernel command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kernel command line lacks required arguments; add them to the boot entry: {}", .0.join("; "))]
pub(crate) struct MissingArguments(Vec<String>);

/// Checks the command line of a machine (a container has none of its own).
///
/// # Errors
/// [`MissingArguments`] names each and says what to write.
pub(crate) fn check(cmdline: &Cmdline) -> Result<(), MissingArguments> {
    let missing: Vec<String> = REQUIRED
        .iter()
        .filter(|(name, value, _)| match value {
            None => !cmdline.has(name),
            Some(value) => cmdline.get(name) != Some(value),
        })
        .map(|(name, _, purpose)| format!("{name} ({purpose})"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(MissingArguments(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_missing_argument_and_what_to_write() {
        let error = check(&Cmdline::parse("talos.platform=metal pti=off")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("slab_nomerge") && text.contains("pti=on"));
        assert!(!text.contains("talos.platform"));
    }

    #[test]
    fn accepts_an_empty_value_where_any_will_do() {
        let cmdline = Cmdline::parse("talos.platform=metal slab_nomerge= pti=on");
        assert_eq!(check(&cmdline), Ok(()));
    }
}
