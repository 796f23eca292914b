//! Who may call what, by the table in `ichor-access`.
//!
//! In maintenance mode nobody can show who they are: every caller is a reader.

use ichor_access::{Mode, Request, Role, Roles};

/// The role of every caller in maintenance mode.
pub(crate) const MAINTENANCE_ROLE: Role = Role::Reader;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is passed on, and sends this.
    Allowed(Request),
    /// The caller has no right to it.
    Denied,
    /// There is no such method.
    Unknown,
}

/// Decides by the path of the method, such as `/machine.MachineService/Version`.
pub(crate) fn in_maintenance(path: &str) -> Verdict {
    decide(path, Roles::NONE.with(MAINTENANCE_ROLE), Mode::Maintenance)
}

fn decide(path: &str, caller: Roles, mode: Mode) -> Verdict {
    match ichor_access::find(path) {
        Some(method) if method.roles(mode).intersects(caller) => Verdict::Allowed(method.request),
        Some(_others) => Verdict::Denied,
        None => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_read_and_nothing_more() {
        let verdict = |method: &str| in_maintenance(method);
        let allowed = Verdict::Allowed(Request::Message);
        assert_eq!(verdict("/machine.MachineService/Version"), allowed);
        assert_eq!(
            verdict("/machine.MachineService/ApplyConfiguration"),
            allowed
        );
        assert_eq!(verdict("/machine.MachineService/Reboot"), Verdict::Denied);
        assert_eq!(verdict("/machine.MachineService/Read"), Verdict::Denied);
        assert_eq!(
            verdict("/machine.MachineService/MetaWrite"),
            Verdict::Denied
        );
        assert_eq!(verdict("/machine.MachineService/New"), Verdict::Unknown);
        assert_eq!(verdict("/cosi.resource.State/Create"), Verdict::Denied);
        assert_eq!(verdict("/other.Service/Version"), Verdict::Unknown);
        assert_eq!(
            verdict("/securityapi.SecurityService/Certificate"),
            Verdict::Unknown
        );
        assert_eq!(verdict("/"), Verdict::Unknown);
    }

    #[test]
    fn each_role_opens_what_the_table_says() {
        for (path, roles) in [
            ("/machine.MachineService/Version", &Role::ALL[..3]),
            ("/machine.MachineService/Reboot", &Role::ALL[..2]),
            (
                "/machine.MachineService/ApplyConfiguration",
                &Role::ALL[..1],
            ),
            (
                "/machine.MachineService/MetaWrite",
                &[Role::Admin, Role::MetaWriter],
            ),
        ] {
            for role in Role::ALL {
                let verdict = decide(path, Roles::NONE.with(role), Mode::Normal);
                let expected = match roles.contains(&role) {
                    true => Verdict::Allowed(Request::Message),
                    false => Verdict::Denied,
                };
                assert_eq!(verdict, expected, "{path} {}", role.name());
            }
            assert_eq!(decide(path, Roles::NONE, Mode::Normal), Verdict::Denied);
        }
    }
}
