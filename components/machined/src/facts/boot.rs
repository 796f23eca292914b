//! How the machine was booted.

use std::fs;
use std::path::Path;

use ichor_cmdline::Cmdline;
use ichor_efi::Variables;
use ichor_resource::specs::runtime::{BootedEntry, FipsState, SecurityState, SelinuxState};

/// Which protections are active. The fingerprints of the keys are left out: nothing on the running
/// system says which key the firmware accepted.
pub(super) fn security(variables: &Variables, cmdline: &Cmdline) -> SecurityState {
    SecurityState {
        secure_boot: variables.flag("SecureBoot") == Some(true),
        selinux_state: selinux(Path::new("/sys/fs/selinux/enforce")),
        fips_state: fips(Path::new("/proc/sys/crypto/fips_enabled")),
        // The stub of a unified kernel image says so.
        booted_with_uki: variables.loader_text("StubInfo").is_some(),
        module_signature_enforced: cmdline.get("module.sig_enforce") == Some("1"),
        ..SecurityState::default()
    }
}

/// The entry that the boot loader chose.
pub(super) fn entry(variables: &Variables) -> Option<BootedEntry> {
    let booted_entry = variables.loader_text("LoaderEntrySelected")?;
    Some(BootedEntry { booted_entry })
}

/// Without the file the kernel has no SELinux, or it is switched off.
fn selinux(enforce: &Path) -> SelinuxState {
    match fs::read_to_string(enforce).as_deref().map(str::trim) {
        Ok("1") => SelinuxState::Enforcing,
        Ok(_) => SelinuxState::Permissive,
        Err(_) => SelinuxState::Disabled,
    }
}

fn fips(enabled: &Path) -> FipsState {
    match fs::read_to_string(enabled).as_deref().map(str::trim) {
        Ok("1") => FipsState::Enabled,
        _ => FipsState::Disabled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_what_the_files_say() {
        let directory = std::env::temp_dir().join(format!("ichor-security-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join("flag");
        assert_eq!(selinux(&file), SelinuxState::Disabled);
        assert_eq!(fips(&file), FipsState::Disabled);
        fs::write(&file, "0\n").unwrap();
        assert_eq!(selinux(&file), SelinuxState::Permissive);
        assert_eq!(fips(&file), FipsState::Disabled);
        fs::write(&file, "1\n").unwrap();
        assert_eq!(selinux(&file), SelinuxState::Enforcing);
        assert_eq!(fips(&file), FipsState::Enabled);
    }

    #[test]
    fn enforced_signatures_stand_on_the_command_line() {
        let variables = Variables::of_machine();
        let state = |text: &str| security(&variables, &Cmdline::parse(text));
        assert!(state("module.sig_enforce=1").module_signature_enforced);
        assert!(!state("quiet").module_signature_enforced);
    }
}
