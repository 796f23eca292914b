//! Texts.

use ichor_client::NodeAddress;
use ichor_cmdline::Cmdline;
use ichor_jsonpath::Template;
use ichor_uevent::Event;
use serde_json::Value;

/// The kernel's command line.
pub(crate) fn cmdline(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let parsed = Cmdline::parse(&text);
    for (name, _) in parsed.iter() {
        assert!(parsed.has(name), "{name:?}");
        assert_eq!(parsed.all(name).last(), parsed.get(name), "{name:?}");
    }
    // Quotes hold together what has no other quotes in it, so that the same comes back.
    let plain = |text: &str| !text.contains('"') && !text.is_empty();
    let arguments = parsed
        .iter()
        .filter(|(name, value)| plain(name) && value.is_none_or(plain));
    let arguments: Vec<_> = arguments
        .filter(|(name, _)| !name.contains(char::is_whitespace))
        .collect();
    let written = arguments.iter().map(|(name, value)| match value {
        Some(value) => format!("{name}=\"{value}\" "),
        None => format!("{name} "),
    });
    let again = Cmdline::parse(&written.collect::<String>());
    assert_eq!(again.iter().collect::<Vec<_>>(), arguments);
}

/// A device event.
pub(crate) fn uevent(input: &[u8]) {
    if let Some(event) = Event::parse(input) {
        let parts = [event.action, event.devpath];
        assert!(parts.iter().all(|part| !part.contains('\0')), "{event:?}");
        let subsystem = event.get("SUBSYSTEM").unwrap_or_default();
        assert!(subsystem.len() < input.len());
    }
}

/// A template, a line feed, and a value in JSON.
pub(crate) fn jsonpath(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (template, json) = text.split_once('\n').unwrap_or((&text, ""));
    let value = serde_json::from_str(json).unwrap_or(Value::Null);
    let Ok(template) = Template::parse(template) else {
        return;
    };
    let (text, lines) = (template.text(&value), template.lines(&value));
    assert!(text.is_empty() || !lines.is_empty());
}

/// How people name a node.
pub(crate) fn node_address(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(address) = text.parse::<NodeAddress>() {
        assert_eq!(
            address.to_string().parse().as_ref(),
            Ok(&address),
            "{address}"
        );
    }
}
