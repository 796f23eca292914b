//! What the firmware says the machine is made of.
//!
//! Source: System Management BIOS Reference Specification (DSP0134) 3.7. The table is a row of
//! structures: type, length and handle, then the formatted part, then texts that end with zero
//! bytes, two of them after the last. Firmware is often wrong, so nothing here trusts a length.

mod structure;

use std::path::Path;

use ichor_resource::specs::hardware::{MemoryModule, Processor, SystemInformation};

use structure::{Structure, structures};

/// The largest table that is read; real ones have a few KiB.
const TABLE_BYTES_MAX: u64 = 1 << 20;

/// Types of structures. Source: chapter 7.
const FIRMWARE: u8 = 0;
const SYSTEM: u8 = 1;
const PROCESSOR: u8 = 4;
const MEMORY_DEVICE: u8 = 17;

/// What was found, with ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Inventory {
    pub(crate) system: SystemInformation,
    pub(crate) processors: Vec<(String, Processor)>,
    pub(crate) memory: Vec<(String, MemoryModule)>,
}

/// Reads a table; `None` on machines without one.
pub(crate) fn load(path: &Path) -> Option<Inventory> {
    use std::io::Read;
    let file = std::fs::File::open(path).ok()?;
    let mut table = Vec::new();
    file.take(TABLE_BYTES_MAX).read_to_end(&mut table).ok()?;
    Some(parse(&table))
}

pub(crate) fn parse(table: &[u8]) -> Inventory {
    let mut inventory = Inventory::default();
    for structure in structures(table) {
        match structure.kind {
            FIRMWARE => inventory.system.bios_version = structure.text(0x05),
            SYSTEM => add_system(&structure, &mut inventory.system),
            PROCESSOR => inventory
                .processors
                .extend(processor(&structure).map(|each| (id("CPU", &structure), each))),
            MEMORY_DEVICE => inventory
                .memory
                .extend(memory_module(&structure).map(|each| (id("DIMM", &structure), each))),
            _ => {}
        }
    }
    inventory
}

/// The handle is unique within a table.
fn id(prefix: &str, structure: &Structure<'_>) -> String {
    format!("{prefix}-{}", structure.handle)
}

fn add_system(structure: &Structure<'_>, system: &mut SystemInformation) {
    system.manufacturer = structure.text(0x04);
    system.product_name = structure.text(0x05);
    system.version = structure.text(0x06);
    system.serial_number = structure.text(0x07);
    system.uuid = structure
        .bytes::<16>(0x08)
        .and_then(uuid)
        .unwrap_or_default();
    system.wake_up_type = wake_up_type(structure.byte(0x18)).to_owned();
    system.sku_number = structure.text(0x19);
}

/// The first three fields are little endian. Source: section 7.2.1.
fn uuid(bytes: [u8; 16]) -> Option<String> {
    // Not set, and not present.
    if bytes == [0; 16] || bytes == [0xff; 16] {
        return None;
    }
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let first = u32::from_le_bytes([a, b, c, d]);
    let (second, third) = (u16::from_le_bytes([e, f]), u16::from_le_bytes([g, h]));
    let digits: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    let (fourth, fifth) = digits.split_at(4);
    Some(format!(
        "{first:08x}-{second:04x}-{third:04x}-{fourth}-{fifth}"
    ))
}

/// Source: section 7.2.2.
fn wake_up_type(code: Option<u8>) -> &'static str {
    match code {
        Some(1) => "Other",
        Some(2) => "Unknown",
        Some(3) => "APM Timer",
        Some(4) => "Modem Ring",
        Some(5) => "LAN Remote",
        Some(6) => "Power Switch",
        Some(7) => "PCI PME#",
        Some(8) => "AC Power Restored",
        _ => "",
    }
}

/// `None` for a socket that is empty.
fn processor(structure: &Structure<'_>) -> Option<Processor> {
    const POPULATED: u8 = 1 << 6;
    let status = structure.byte(0x18)?;
    if status & POPULATED == 0 {
        return None;
    }
    // Counts above 254 stand in wider fields that came later.
    let count = |narrow: usize, wide: usize| match structure.byte(narrow) {
        Some(0xff) => structure.word(wide).map_or(0xff, u32::from),
        count => count.map_or(0, u32::from),
    };
    let speed = |at: usize| structure.word(at).map_or(0, u32::from);
    Some(Processor {
        socket: structure.text(0x04),
        manufacturer: structure.text(0x07),
        product_name: structure.text(0x10),
        max_speed_mhz: speed(0x14),
        boot_speed_mhz: speed(0x16),
        status: u32::from(status),
        serial_number: structure.text(0x20),
        asset_tag: structure.text(0x21),
        part_number: structure.text(0x22),
        core_count: count(0x23, 0x2a),
        core_enabled: count(0x24, 0x2c),
        thread_count: count(0x25, 0x2e),
    })
}

/// `None` for a slot that is empty. Source: section 7.18.
fn memory_module(structure: &Structure<'_>) -> Option<MemoryModule> {
    const IN_KIBIBYTES: u16 = 1 << 15;
    let size_mib = match structure.word(0x0c)? {
        0 => return None,
        0xffff => 0,
        0x7fff => structure.double_word(0x1c)? & 0x7fff_ffff,
        size if size & IN_KIBIBYTES != 0 => u32::from(size & !IN_KIBIBYTES) / 1024,
        size => u32::from(size),
    };
    Some(MemoryModule {
        size_mib,
        device_locator: structure.text(0x10),
        bank_locator: structure.text(0x11),
        speed: match structure.word(0x15) {
            Some(0xffff) => structure.double_word(0x54)?,
            speed => speed.map_or(0, u32::from),
        },
        manufacturer: structure.text(0x17),
        serial_number: structure.text(0x18),
        asset_tag: structure.text(0x19),
        product_name: structure.text(0x1a),
    })
}

#[cfg(test)]
mod tests;
