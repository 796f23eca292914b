//! Roles, and sets of them.

/// What a caller may be. A client certificate names its roles in the organisations of its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// May do everything.
    Admin,
    /// May keep the machine and its services going.
    Operator,
    /// May look, but not at secrets.
    Reader,
    /// May save etcd.
    EtcdBackup,
    /// May ask whether an image may be used.
    ImageVerifier,
    /// May write values of the META partition.
    MetaWriter,
}

impl Role {
    /// All roles that open a method.
    pub const ALL: [Self; 6] = [
        Self::Admin,
        Self::Operator,
        Self::Reader,
        Self::EtcdBackup,
        Self::ImageVerifier,
        Self::MetaWriter,
    ];

    /// Its name in certificates and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "os:admin",
            Self::Operator => "os:operator",
            Self::Reader => "os:reader",
            Self::EtcdBackup => "os:etcd:backup",
            Self::ImageVerifier => "os:image:verifier",
            Self::MetaWriter => "os:meta:writer",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// The set with one role more.
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// The roles of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a role is in the set.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether both sets have a role in common.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Each role.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL
            .into_iter()
            .filter(move |role| self.contains(*role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        for role in Role::ALL {
            let set = Roles::NONE.with(role);
            assert_eq!(set.iter().collect::<Vec<_>>(), [role]);
            assert!(!Roles::NONE.contains(role) && set.contains(role));
        }
        let all = Role::ALL.into_iter().fold(Roles::NONE, Roles::with);
        assert_eq!(all.iter().count(), Role::ALL.len());
    }

    #[test]
    fn sets_meet_in_a_common_role() {
        let read = Roles::NONE.with(Role::Admin).with(Role::Reader);
        let write = Roles::NONE.with(Role::Admin).with(Role::MetaWriter);
        assert!(read.intersects(write));
        assert!(!read.intersects(Roles::NONE.with(Role::MetaWriter)));
        assert!(!read.intersects(Roles::NONE));
        assert_eq!(read.union(write).iter().count(), 3);
    }
}
