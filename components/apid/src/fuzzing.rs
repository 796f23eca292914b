//! What the fuzz tests call: what a caller says before anything is known of it.

use ichor_access::{Mode, Role, Roles};

use crate::access::{self, Verdict};
use crate::{handover, reply, routes};

/// The path of a method.
pub fn path(input: &[u8]) {
    let path = &*String::from_utf8_lossy(input);
    routes::component(path);
    handover::parse_services(path);
    let reader = Roles::NONE.with(Role::Reader);
    let opens =
        |mode| ichor_access::roles(path, mode).is_some_and(|roles| roles.intersects(reader));
    assert_eq!(
        access::in_maintenance(path) == Verdict::Allowed,
        opens(Mode::Maintenance)
    );
    // Whatever a reader may call is a method of a service, by exactly its name.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    assert!(
        !opens(Mode::Maintenance) || path.bytes().all(is_plain),
        "{path:?}"
    );
    let told = reply::percent_encode(path);
    assert!(told.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
}
