//! Events of ACPI devices, such as a button that was pressed; the kernel sends them over generic
//! netlink.
//!
//! Source: `drivers/acpi/event.c`, `include/uapi/linux/{netlink,genetlink}.h`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::net::netlink::{GENERIC, SocketAddrNetlink};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

use crate::netlink;

/// Receives events; readable when there is one.
#[derive(Debug)]
pub struct AcpiEvents(OwnedFd);

/// Something happened to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcpiEvent {
    /// Kind of device, such as `button/power`.
    pub class: String,
    /// What happened; the numbers belong to the class.
    pub kind: u32,
}

const FAMILY: &[u8] = b"acpi_event\0";
const GROUP: &[u8] = b"acpi_mc_group\0";

/// The family that tells of families.
const CONTROLLER: u16 = 0x10;
const REQUEST: u16 = 1;
const GET_FAMILY: u8 = 3;
const FAMILY_NAME: u16 = 2;
const FAMILY_GROUPS: u16 = 7;
const GROUP_NAME: u16 = 1;
const GROUP_ID: u16 = 2;
const EVENT: u16 = 1;

/// `struct nlmsghdr` and `struct genlmsghdr`.
const HEADERS_BYTES: usize = 16 + 4;
const ATTRIBUTE_BYTES: usize = 4;
/// The two highest bits of an attribute's type are flags.
const TYPE_MASK: u16 = 0x3fff;
/// `struct acpi_genl_event`: class, bus id, type, data.
const CLASS_BYTES: usize = 20;
const KIND_OFFSET: usize = 36;
const MESSAGE_BYTES_MAX: usize = 8192;

impl AcpiEvents {
    /// Begins to listen.
    ///
    /// # Errors
    /// Those of socket(2); `NotFound` when the kernel has no ACPI.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            flags,
            Some(GENERIC),
        )?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        rustix::io::write(&socket, &family_request())?;
        // The kernel has answered when the request has been written.
        let mut answer = [0; MESSAGE_BYTES_MAX];
        let answer = netlink::receive(&socket, &mut answer)?;
        let group = parse_group(answer).ok_or(io::ErrorKind::NotFound)?;
        join(&socket, group)?;
        Ok(Self(socket))
    }

    /// Reads what has come since the last call. Never blocks.
    ///
    /// # Errors
    /// Those of recvfrom(2); `ENOBUFS` when events came too fast and some are lost.
    pub fn drain(&self) -> io::Result<Vec<AcpiEvent>> {
        let mut events = Vec::new();
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        loop {
            match netlink::receive(&self.0, &mut buffer) {
                Ok(message) => events.extend(parse_event(message)),
                Err(rustix::io::Errno::AGAIN) => return Ok(events),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for AcpiEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for AcpiEvents {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn join(socket: &OwnedFd, group: u32) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<u32>()).map_err(io::Error::other)?;
    // SAFETY: `group` is readable for the length that is passed.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            libc::NETLINK_ADD_MEMBERSHIP,
            (&raw const group).cast(),
            length,
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Asks for the groups of the family.
fn family_request() -> Vec<u8> {
    let attribute = attribute(FAMILY_NAME, FAMILY);
    let length = HEADERS_BYTES + attribute.len();
    let mut message = Vec::with_capacity(length);
    message.extend((length as u32).to_ne_bytes());
    message.extend(CONTROLLER.to_ne_bytes());
    message.extend(REQUEST.to_ne_bytes());
    // Sequence number and port; the kernel gives a port.
    message.extend([0; 8]);
    message.extend([GET_FAMILY, 1, 0, 0]);
    message.extend(attribute);
    message
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = ATTRIBUTE_BYTES + value.len();
    let mut bytes = Vec::with_capacity(length.next_multiple_of(4));
    bytes.extend((length as u16).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(length.next_multiple_of(4), 0);
    bytes
}

pub(crate) fn parse_group(message: &[u8]) -> Option<u32> {
    let groups = find(message.get(HEADERS_BYTES..)?, FAMILY_GROUPS)?;
    let mut groups = Attributes(groups).map(|(_, group)| group);
    let group = groups.find(|group| find(group, GROUP_NAME) == Some(GROUP))?;
    let id = find(group, GROUP_ID)?;
    Some(u32::from_ne_bytes(id.try_into().ok()?))
}

pub(crate) fn parse_event(message: &[u8]) -> Option<AcpiEvent> {
    let event = find(message.get(HEADERS_BYTES..)?, EVENT)?;
    let class = event.get(..CLASS_BYTES)?.split(|byte| *byte == 0).next()?;
    let kind = event.get(KIND_OFFSET..KIND_OFFSET + 4)?;
    Some(AcpiEvent {
        class: String::from_utf8_lossy(class).into_owned(),
        kind: u32::from_ne_bytes(kind.try_into().ok()?),
    })
}

fn find(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    let mut attributes = Attributes(attributes);
    attributes.find_map(|(found, value)| (found == kind).then_some(value))
}

/// Types and values; ends where the bytes make no sense.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (kind, _) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_ne_bytes(*length));
        let value = self.0.get(ATTRIBUTE_BYTES..length)?;
        let next = self.0.get(length.next_multiple_of(4)..);
        self.0 = next.unwrap_or_default();
        Some((u16::from_ne_bytes(*kind) & TYPE_MASK, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(attributes: &[u8]) -> Vec<u8> {
        let mut message = vec![0; HEADERS_BYTES];
        message.extend(attributes);
        message
    }

    fn group(name: &[u8], id: u32) -> Vec<u8> {
        let parts = [
            attribute(GROUP_NAME, name),
            attribute(GROUP_ID, &id.to_ne_bytes()),
        ];
        attribute(1, &parts.concat())
    }

    #[test]
    fn finds_the_group_among_others() {
        let groups = [group(b"other\0", 3), group(GROUP, 9)].concat();
        let attributes = [attribute(1, &[7, 0]), attribute(FAMILY_GROUPS, &groups)];
        assert_eq!(parse_group(&message(&attributes.concat())), Some(9));
        assert_eq!(parse_group(&message(&attribute(1, &[7, 0]))), None);
    }

    #[test]
    fn reads_a_button() {
        let mut event = vec![0; 44];
        event[..12].copy_from_slice(b"button/power");
        event[KIND_OFFSET] = 0x80;
        let expected = AcpiEvent {
            class: "button/power".into(),
            kind: 0x80,
        };
        let whole = message(&attribute(EVENT, &event));
        assert_eq!(parse_event(&whole), Some(expected));
        for length in 0..whole.len() {
            assert_eq!(parse_event(&whole[..length]), None, "{length}");
        }
    }

    #[test]
    fn lengths_that_are_wrong_end_the_reading() {
        for bytes in [
            &[0, 0, 1, 0][..],
            &[3, 0, 1, 0],
            &[255, 255, 1, 0],
            &[4, 0, 1],
        ] {
            assert_eq!(Attributes(bytes).count(), 0, "{bytes:?}");
        }
    }
}
