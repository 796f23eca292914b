//! Device events: what the kernel and udev tell of devices that come, change and go.
//!
//! ```text
//! kernel   ACTION@DEVPATH \0 KEY=VALUE \0 KEY=VALUE \0 ...
//! udev     libudev \0 | magic, place and length of the fields, ... | KEY=VALUE \0 ...
//! ```
//!
//! udev sends its form when it has processed an event of the kernel: the links to the device are
//! there then. Whoever reads an event should take it as a hint, and look at the device itself.
//!
//! Sources: `lib/kobject_uevent.c` of the kernel, `device-monitor.c` of systemd.

/// Begins what udev sends.
const UDEV_PREFIX: &[u8] = b"libudev\0";
/// In network order, at [`MAGIC_AT`].
const MAGIC: u32 = 0xfeed_cafe;
const MAGIC_AT: usize = 8;
/// Where the header says where the fields begin, and how long they are, in the machine's order.
const PLACE_AT: usize = 16;
const LENGTH_AT: usize = 20;

/// An event cannot be longer; what a socket receives beyond that is cut off.
pub const EVENT_BYTES_MAX: usize = 8192;

/// Who tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teller {
    /// The kernel, as soon as it has happened.
    Kernel,
    /// udev, when its rules have run.
    Udev,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Who tells.
    pub teller: Teller,
    /// What happened, such as `add`.
    pub action: &'a str,
    /// The device, as a path below `/sys`.
    pub devpath: &'a str,
    fields: &'a [u8],
}

impl<'a> Event<'a> {
    /// Reads what a socket for device events received. `None` when it is no event.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        match bytes.starts_with(UDEV_PREFIX) {
            true => Self::parse_udev(bytes),
            false => Self::parse_kernel(bytes),
        }
    }

    /// The value of a field, such as `SUBSYSTEM`. A value that is not UTF-8 counts as missing.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a str> {
        find(self.fields, key)
    }

    fn parse_kernel(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let (head, fields) = bytes.split_at_checked(end)?;
        let (action, devpath) = std::str::from_utf8(head).ok()?.split_once('@')?;
        Some(Self {
            teller: Teller::Kernel,
            action,
            devpath,
            fields,
        })
    }

    fn parse_udev(bytes: &'a [u8]) -> Option<Self> {
        if number(bytes, MAGIC_AT, u32::from_be_bytes)? != MAGIC {
            return None;
        }
        let place = usize::try_from(number(bytes, PLACE_AT, u32::from_ne_bytes)?).ok()?;
        let length = usize::try_from(number(bytes, LENGTH_AT, u32::from_ne_bytes)?).ok()?;
        let fields = bytes.get(place..place.checked_add(length)?)?;
        Some(Self {
            teller: Teller::Udev,
            action: find(fields, "ACTION")?,
            devpath: find(fields, "DEVPATH")?,
            fields,
        })
    }
}

fn number(bytes: &[u8], at: usize, order: fn([u8; 4]) -> u32) -> Option<u32> {
    let found = bytes.get(at..at.checked_add(4)?)?;
    Some(order(found.try_into().ok()?))
}

fn find<'a>(fields: &'a [u8], key: &str) -> Option<&'a str> {
    let value = fields.split(|byte| *byte == 0).find_map(|field| {
        let rest = field.strip_prefix(key.as_bytes())?;
        rest.strip_prefix(b"=")
    })?;
    std::str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: &[u8] = b"add@/devices/pci0000:00/0000:00:02.0/virtio1/block/vda\0ACTION=add\0\
        DEVPATH=/devices/pci0000:00/0000:00:02.0/virtio1/block/vda\0SUBSYSTEM=block\0MAJOR=254\0\
        MINOR=0\0DEVNAME=vda\0DEVTYPE=disk\0DISKSEQ=9\0SEQNUM=1712\0";

    fn udev(fields: &[u8]) -> Vec<u8> {
        let mut bytes = UDEV_PREFIX.to_vec();
        bytes.extend(MAGIC.to_be_bytes());
        for number in [40, 40, fields.len() as u32, 0, 0, 0, 0] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes.extend(fields);
        bytes
    }

    #[test]
    fn events_of_the_kernel_are_read() {
        let event = Event::parse(KERNEL).unwrap();
        assert_eq!(event.teller, Teller::Kernel);
        assert_eq!(event.action, "add");
        assert!(event.devpath.ends_with("/block/vda"));
        assert_eq!(event.get("SUBSYSTEM"), Some("block"));
        assert_eq!(event.get("SEQNUM"), Some("1712"));
        assert_eq!(event.get("SEQ"), None);
        assert_eq!(event.get("MODALIAS"), None);
    }

    #[test]
    fn events_of_udev_are_read() {
        let bytes = udev(b"ACTION=change\0DEVPATH=/devices/x\0SUBSYSTEM=block\0DEVNAME=/dev/sda\0");
        let event = Event::parse(&bytes).unwrap();
        assert_eq!(event.teller, Teller::Udev);
        assert_eq!((event.action, event.devpath), ("change", "/devices/x"));
        assert_eq!(event.get("DEVNAME"), Some("/dev/sda"));
    }

    #[test]
    fn what_is_no_event_is_none() {
        let mut wrong_magic = udev(b"ACTION=add\0DEVPATH=/x\0");
        wrong_magic[MAGIC_AT] = 0;
        let mut too_long = udev(b"ACTION=add\0DEVPATH=/x\0");
        too_long[LENGTH_AT] = 0xff;
        let mut overflow = udev(b"ACTION=add\0DEVPATH=/x\0");
        overflow[PLACE_AT..LENGTH_AT + 4].fill(0xff);
        let cases: &[&[u8]] = &[
            b"",
            b"\0",
            b"add@/devices/x",
            b"add\0SUBSYSTEM=block\0",
            b"\xff@/x\0",
            b"libudev\0",
            &wrong_magic,
            &too_long,
            &overflow,
            &udev(b"DEVPATH=/x\0"),
        ];
        for bytes in cases {
            assert_eq!(Event::parse(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        let whole = [
            KERNEL.to_vec(),
            udev(b"ACTION=add\0DEVPATH=/x\0SEQNUM=\xff\0"),
        ];
        for round in 0..20_000 {
            let mut bytes = whole[round % 2].clone();
            for _ in 0..next() % 8 {
                let at = next() as usize % bytes.len();
                bytes[at] = next() as u8;
            }
            bytes.truncate(next() as usize % (bytes.len() + 1));
            if let Some(event) = Event::parse(&bytes) {
                let _value = (event.get("SEQNUM"), event.get(""));
            }
        }
    }
}
