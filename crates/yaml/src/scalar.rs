//! How a string is written: plain, quoted, or as a literal block.

mod resolve;

use std::fmt::Write;

use resolve::Reading;

/// Where a string stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Block,
    Flow,
    Key,
}

/// What a string allows.
struct Traits {
    flow_plain: bool,
    block_plain: bool,
    single_quoted: bool,
    block: bool,
}

/// Whether a string is written as a literal block where that is possible.
pub(crate) fn wants_block(text: &str) -> bool {
    text.contains('\n') && text.contains(|c: char| !c.is_whitespace()) && analyze(text).block
}

/// Writes a string within one line.
pub(crate) fn write_inline(out: &mut String, text: &str, place: Place) {
    let traits = analyze(text);
    let plain_allowed = match place {
        Place::Flow => traits.flow_plain,
        Place::Block | Place::Key => traits.block_plain,
    };
    let single = || traits.single_quoted && !text.contains('\n');
    match resolve::resolve(text) {
        Reading::Text if plain_allowed => out.push_str(text),
        Reading::Text | Reading::OldOther if single() => single_quoted(out, text),
        Reading::Text | Reading::OldOther | Reading::Other => double_quoted(out, text),
    }
}

/// Writes a string as a literal block, its newline included. `depth` is how much further its lines are
/// indented than what holds it.
pub(crate) fn write_block(out: &mut String, text: &str, indent: usize, depth: usize) {
    if !wants_block(text) {
        double_quoted(out, text);
        out.push('\n');
        return;
    }
    out.push('|');
    // Readers take the first line that is not empty for the measure of all, unless they are told.
    if text.trim_start_matches('\n').starts_with(' ') {
        out.push_str(&depth.to_string());
    }
    // Whether readers keep the final newline: none, more than one, exactly one.
    match text.strip_suffix('\n') {
        None => out.push('-'),
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => out.push('+'),
        Some(_) => {}
    }
    out.push('\n');
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn single_quoted(out: &mut String, text: &str) {
    out.push('\'');
    out.push_str(&text.replace('\'', "''"));
    out.push('\'');
}

fn double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\x1b' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{a0}' => out.push_str("\\_"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            printable if is_printable(printable) => out.push(printable),
            other => escape(out, u32::from(other)),
        }
    }
    out.push('"');
}

fn escape(out: &mut String, code: u32) {
    let written = match code {
        0..=0xff => write!(out, "\\x{code:02X}"),
        0x100..=0xffff => write!(out, "\\u{code:04X}"),
        _ => write!(out, "\\U{code:08X}"),
    };
    // Writing to a string cannot fail.
    debug_assert!(written.is_ok());
}

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character is written as it is; those above U+FFFF never are.
fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
        && !matches!(character, '\u{2028}' | '\u{2029}')
}

fn analyze(text: &str) -> Traits {
    let mut block_indicators = text.starts_with("---") || text.starts_with("...");
    let mut flow_indicators = block_indicators;
    let (mut line_breaks, mut special, mut tabs) = (false, false, false);
    let (mut break_space, mut space_break) = (false, false);
    let mut before: Option<char> = None;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let blank_follows = matches!(rest.peek(), None | Some(' ' | '\t'));
        let blank_before = before.is_none_or(|c| c == ' ' || c == '\t' || is_break(c));
        let (flow, block) = match (character, before) {
            ('#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>', None)
            | ('\'' | '"' | '%' | '@' | '`', None) => (true, true),
            ('?', None) | (':', _) => (true, blank_follows),
            ('-', None) => (blank_follows, blank_follows),
            (',' | '?' | '[' | ']' | '{' | '}', Some(_)) => (true, false),
            ('#', Some(_)) => (blank_before, blank_before),
            _ => (false, false),
        };
        flow_indicators |= flow;
        block_indicators |= block;
        tabs |= character == '\t';
        special |= character != '\t' && !is_printable(character);
        line_breaks |= is_break(character);
        break_space |= character == ' ' && before.is_some_and(is_break);
        space_break |= is_break(character) && before == Some(' ');
        before = Some(character);
    }
    let edge = |c: char| c == ' ' || is_break(c);
    let edges = text.starts_with(edge) || text.ends_with(edge);
    let plain = !(edges || break_space || space_break || tabs || special || line_breaks);
    Traits {
        flow_plain: plain && !flow_indicators && !text.is_empty(),
        block_plain: plain && !block_indicators,
        single_quoted: !(break_space || space_break || tabs || special),
        block: !(text.is_empty() || text.ends_with(' ') || space_break || special),
    }
}
