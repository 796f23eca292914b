//! Who may call what: one table of all methods that a node serves, the roles that open each, and how
//! many messages a caller sends.
//!
//! A call is allowed when the caller has at least one of the method's roles. `apid` decides by this
//! table, and `docs/api.md` shows it.

mod role;
mod table;

pub use role::{Role, Roles};
pub use table::SERVICES;

/// A service that a node serves.
#[derive(Debug)]
pub struct Service {
    /// Its full name, such as `machine.MachineService`.
    pub name: &'static str,
    /// Who lets callers in.
    pub door: Door,
    /// All its methods, by name.
    pub methods: &'static [Method],
}

/// Who lets callers of a service in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `apid`, by the roles of the caller.
    Roles,
    /// Whoever signs certificates of joining machines, by the join token. No role opens it, and
    /// `apid` does not pass it on.
    JoinToken,
}

/// A method.
#[derive(Debug)]
pub struct Method {
    /// Its name, such as `Version`.
    pub name: &'static str,
    /// What a caller sends.
    pub request: Request,
    /// Roles that open it.
    roles: Roles,
    /// Roles that open it besides while there is no configuration.
    in_maintenance: Roles,
}

/// What a caller sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// One message.
    Message,
    /// Messages for as long as the caller likes.
    Stream,
}

/// What a node is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It has a configuration: callers show who they are.
    Normal,
    /// It waits for one: nobody can show who they are, and every caller is a reader.
    Maintenance,
}

impl Method {
    const fn new(name: &'static str, roles: Roles) -> Self {
        Self {
            name,
            request: Request::Message,
            roles,
            in_maintenance: Roles::NONE,
        }
    }

    /// The same, with a stream of messages from the caller.
    const fn taking_a_stream(self) -> Self {
        Self {
            request: Request::Stream,
            ..self
        }
    }

    /// The same, open to readers while there is no configuration.
    const fn open_in_maintenance(self) -> Self {
        Self {
            in_maintenance: Roles::NONE.with(Role::Reader),
            ..self
        }
    }

    /// The roles that open the method.
    pub const fn roles(&self, mode: Mode) -> Roles {
        match mode {
            Mode::Normal => self.roles,
            Mode::Maintenance => self.roles.union(self.in_maintenance),
        }
    }
}

/// The method at a path, such as `/machine.MachineService/Version`. `None` when `apid` serves no such
/// method.
pub fn find(path: &str) -> Option<&'static Method> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    let service = SERVICES.iter().find(|each| each.name == service)?;
    if service.door != Door::Roles {
        return None;
    }
    let methods = service.methods;
    let row = methods.binary_search_by(|each| each.name.cmp(method));
    methods.get(row.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_sorted_and_services_are_named_once() {
        for service in SERVICES {
            let sorted = service.methods.is_sorted_by(|a, b| a.name < b.name);
            assert!(sorted, "{}", service.name);
            let same = SERVICES.iter().filter(|each| each.name == service.name);
            assert_eq!(same.count(), 1, "{}", service.name);
        }
    }

    #[test]
    fn each_method_is_found_by_its_path() {
        for service in SERVICES.iter().filter(|each| each.door == Door::Roles) {
            for method in service.methods {
                let path = format!("/{}/{}", service.name, method.name);
                let found = find(&path).unwrap();
                assert_eq!((found.name, found.roles), (method.name, method.roles));
                assert!(method.roles.contains(Role::Admin), "{path}");
            }
        }
    }

    #[test]
    fn what_is_not_served_by_roles_is_not_found() {
        for path in [
            "",
            "/",
            "/machine.MachineService",
            "/machine.MachineService/",
            "/machine.MachineService/New",
            "/machine.MachineService/Version/",
            "machine.MachineService/Version",
            "/other.Service/Version",
            "/securityapi.SecurityService/Certificate",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn maintenance_opens_what_a_machine_without_configuration_needs_and_no_more() {
        let mut opened = Vec::new();
        for service in SERVICES {
            for method in service.methods {
                let reader = Roles::NONE.with(Role::Reader);
                let opens = |mode| method.roles(mode).intersects(reader);
                if opens(Mode::Maintenance) && !opens(Mode::Normal) {
                    opened.push(format!("{}/{}", service.name, method.name));
                }
            }
        }
        opened.sort();
        assert_eq!(
            opened,
            [
                "machine.LVMService/LogicalVolumeRemove",
                "machine.LVMService/PhysicalVolumeRemove",
                "machine.LVMService/VolumeGroupRemove",
                "machine.MDService/Destroy",
                "machine.MachineService/ApplyConfiguration",
                "storage.StorageService/BlockDeviceWipe",
            ]
        );
    }
}
