//! The YAML emitter: what it writes is read back as it was.

use serde_json::{Map, Number, Value};

/// How deep values are nested.
const DEPTH_MAX: usize = 8;

/// Bytes that describe a value.
pub(crate) fn value(input: &[u8]) {
    let mut rest = input;
    let value = take(&mut rest, DEPTH_MAX);
    let yaml = ichor_yaml::to_string(&value);
    assert!(yaml.is_ok(), "{value:?}");
    let yaml = yaml.unwrap_or_default();
    let again = read(&yaml);
    assert!(
        again.as_ref().is_ok_and(|again| same(again, &value)),
        "{value:?}: {yaml}: {again:?}"
    );
    if let Ok(text) = std::str::from_utf8(input) {
        let quoted = format!("key: {}\n", ichor_yaml::quote(text));
        let again = read(&quoted);
        let again = again.map(|again| again.get("key").cloned());
        assert_eq!(again.ok().flatten(), Some(Value::from(text)), "{quoted}");
    }
}

/// Reads as YAML 1.2 demands: `trUe` is a text.
fn read(yaml: &str) -> Result<Value, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(yaml, serde_saphyr::options! { strict_booleans: true })
}

/// A number without a fraction is read as a whole one.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let found = |(key, one): (&String, &Value)| {
                other.get(key).is_some_and(|other| same(one, other))
            };
            one.len() == other.len() && one.iter().all(found)
        }
        _ => one == other,
    }
}

/// A byte that says what it is, and what belongs to it.
fn take(rest: &mut &[u8], depth: usize) -> Value {
    match byte(rest) % 16 {
        0 => Value::Null,
        1 => Value::Bool(byte(rest).is_multiple_of(2)),
        2 => Value::Number(i64::from_le_bytes(bytes(rest)).into()),
        3 => Value::Number(u64::from_le_bytes(bytes(rest)).into()),
        4 => Number::from_f64(f64::from_le_bytes(bytes(rest))).map_or(Value::Null, Value::Number),
        5 | 6 if depth > 0 => {
            let count = byte(rest) % 8;
            Value::Array((0..count).map(|_| take(rest, depth - 1)).collect())
        }
        7 | 8 if depth > 0 => {
            let count = byte(rest) % 8;
            let entry = |_| (text(rest), take(rest, depth - 1));
            Value::Object((0..count).map(entry).collect::<Map<_, _>>())
        }
        _ => Value::String(text(rest)),
    }
}

/// The number of bytes, and these.
fn text(rest: &mut &[u8]) -> String {
    let length = usize::from(byte(rest)).min(rest.len());
    let (text, after) = rest.split_at(length);
    *rest = after;
    String::from_utf8_lossy(text).into_owned()
}

fn byte(rest: &mut &[u8]) -> u8 {
    let [byte] = bytes(rest);
    byte
}

/// Zeroes behind the end.
fn bytes<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let mut found = [0; N];
    for byte in &mut found {
        if let Some((first, after)) = rest.split_first() {
            *byte = *first;
            *rest = after;
        }
    }
    found
}
