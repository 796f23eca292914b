//! Specs as the public Go library writes them, with every field set.
//!
//! Each line of the golden file is a type, its binary form in hexadecimal, and its YAML form. The
//! library was one release older than the specs here: its `primary` of a bond by index is now
//! `primaryIndex`, in this file too.

use crate::specs;

const GOLDEN: &str = include_str!("../../testdata/specs.jsonl");

/// Fields that the Go library leaves out of YAML although they are set: it takes addresses for
/// empty where they may be left out. Here they are written.
const NOT_WRITTEN_THERE: &[&str] = &["local: ", "broadcast: ", "anycast: ", "multicast: 10"];

fn check(type_name: &str, bytes: &[u8], yaml: &str) -> Result<(), String> {
    let decode = |bytes: &[u8]| {
        let spec = specs::decode(type_name, bytes).ok_or("no typed spec")?;
        spec.map_err(|error| error.source.to_string())
    };
    let spec = decode(bytes)?;
    let ours = spec.yaml();
    let same = |line: &&str| {
        !NOT_WRITTEN_THERE
            .iter()
            .any(|field| line.starts_with(field))
    };
    let ours: Vec<&str> = ours.lines().filter(same).collect();
    let theirs: Vec<&str> = yaml.lines().collect();
    if ours != theirs {
        return Err(format!("ours\n{}\ntheirs\n{yaml}", ours.join("\n")));
    }
    (decode(&spec.proto())? == spec)
        .then_some(())
        .ok_or("changed by a round trip".into())
}

#[test]
fn specs_are_read_and_written_as_go_does() {
    let mut wrong = Vec::new();
    for line in GOLDEN.lines() {
        let row: Vec<String> = serde_json::from_str(line).unwrap();
        let hex = row[1].as_bytes();
        let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
        let bytes: Vec<u8> = hex
            .chunks(2)
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect();
        let outcome = check(&row[0], &bytes, &row[2]);
        if let Err(text) = outcome {
            wrong.push(format!("{}: {text}", row[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(GOLDEN.lines().count() > 60);
}
