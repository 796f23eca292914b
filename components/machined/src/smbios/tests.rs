use super::*;

/// A structure with a formatted part of `length` bytes, in which some are set.
fn structure(kind: u8, handle: u8, length: u8, set: &[(usize, &[u8])], texts: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0; usize::from(length)];
    bytes[..4].copy_from_slice(&[kind, length, handle, 0]);
    for (at, values) in set {
        bytes[*at..*at + values.len()].copy_from_slice(values);
    }
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    if texts.is_empty() {
        bytes.push(0);
    }
    bytes.push(0);
    bytes
}

fn table() -> Vec<u8> {
    let uuid: [u8; 16] = std::array::from_fn(|at| at as u8);
    [
        structure(0, 1, 0x18, &[(0x05, &[2])], &["Firm", "1.0"]),
        structure(
            1,
            2,
            0x1b,
            &[(0x04, &[1, 2, 0, 3]), (0x08, &uuid), (0x18, &[6, 9])],
            &["Maker", " Machine ", "S1"],
        ),
        structure(
            4,
            3,
            0x30,
            &[
                (0x04, &[1]),
                (0x07, &[2]),
                (0x10, &[3]),
                (0x14, &[0xd0, 0x07, 0xe8, 0x03, 0x41]),
                (0x23, &[0xff, 4, 8]),
                (0x2a, &[0x2c, 0x01]),
            ],
            &["CPU 0", "Maker", "Fast"],
        ),
        // An empty socket.
        structure(4, 4, 0x30, &[], &[]),
        structure(
            17,
            5,
            0x5c,
            &[
                (0x0c, &[0xff, 0x7f]),
                (0x10, &[1]),
                (0x1c, &[0, 0, 1, 0]),
                (0x15, &[0xff, 0xff]),
                (0x54, &[0x80, 0x1a]),
            ],
            &["DIMM 0"],
        ),
        structure(17, 6, 0x28, &[(0x0c, &[0, 0x84])], &[]),
        // An empty slot.
        structure(17, 7, 0x28, &[], &[]),
        structure(127, 8, 4, &[], &[]),
        structure(1, 9, 0x1b, &[(0x04, &[1])], &["after the end"]),
    ]
    .concat()
}

#[test]
fn reads_what_the_machine_is_made_of() {
    let found = parse(&table());
    assert_eq!(found.system.bios_version, "1.0");
    assert_eq!(found.system.manufacturer, "Maker");
    assert_eq!(found.system.product_name, "Machine");
    assert_eq!(found.system.version, "");
    assert_eq!(found.system.serial_number, "S1");
    assert_eq!(found.system.uuid, "03020100-0504-0706-0809-0a0b0c0d0e0f");
    assert_eq!(found.system.wake_up_type, "Power Switch");
    assert_eq!(found.system.sku_number, "", "there is no ninth text");
    let [(id, processor)] = found.processors.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((id.as_str(), processor.socket.as_str()), ("CPU-3", "CPU 0"));
    assert_eq!(
        (processor.max_speed_mhz, processor.boot_speed_mhz),
        (2000, 1000)
    );
    assert_eq!((processor.core_count, processor.core_enabled), (300, 4));
    let sizes: Vec<_> = found.memory.iter().map(|(_, each)| each.size_mib).collect();
    assert_eq!(sizes, [65536, 1]);
    assert_eq!(found.memory[0].1.speed, 6784);
}

#[test]
fn identities_that_are_not_set_are_left_out() {
    assert_eq!(uuid([0; 16]), None);
    assert_eq!(uuid([0xff; 16]), None);
}

#[test]
fn survives_every_cut_and_every_flipped_byte() {
    let table = table();
    for length in 0..table.len() {
        parse(&table[..length]);
    }
    for at in 0..table.len() {
        for value in [0, 1, 3, 0x7f, 0xff] {
            let mut broken = table.clone();
            broken[at] = value;
            parse(&broken);
        }
    }
    assert_eq!(parse(&[]), Inventory::default());
}

#[test]
fn machines_without_a_table_have_no_inventory() {
    assert_eq!(load(Path::new("/nowhere-at-all")), None);
}
