//! Lays a tree out as lines.

use crate::node::Node;
use crate::scalar::{self, Place};

/// Columns for each level of a mapping.
const STEP: usize = 4;

pub(crate) fn document(root: &Node) -> String {
    let mut out = String::new();
    match root {
        Node::Mapping(entries) if !entries.is_empty() => mapping(&mut out, entries, 0, false),
        Node::Sequence(items) if !items.is_empty() => sequence(&mut out, items, 0, false),
        Node::Text(text) if text.contains('\n') => {
            scalar::write_block(&mut out, text, STEP, STEP);
        }
        other => {
            inline(&mut out, other, Place::Block);
            out.push('\n');
        }
    }
    out
}

/// `started`: the first line continues the line of a `- `.
fn mapping(out: &mut String, entries: &[(Node, Node)], indent: usize, started: bool) {
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 || !started {
            pad(out, indent);
        }
        inline(out, key, Place::Key);
        out.push(':');
        let inner = STEP * ((indent + STEP) / STEP);
        match value {
            Node::Mapping(entries) if !entries.is_empty() => {
                out.push('\n');
                mapping(out, entries, inner, false);
            }
            Node::Sequence(items) if !items.is_empty() => {
                out.push('\n');
                sequence(out, items, inner, false);
            }
            scalar => {
                out.push(' ');
                scalar_line(out, scalar, inner, inner - indent);
            }
        }
    }
}

fn sequence(out: &mut String, items: &[Node], indent: usize, started: bool) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || !started {
            pad(out, indent);
        }
        out.push_str("- ");
        let inner = indent + 2;
        match item {
            Node::Mapping(entries) if !entries.is_empty() => mapping(out, entries, inner, true),
            Node::Sequence(items) if !items.is_empty() => sequence(out, items, inner, true),
            scalar => scalar_line(out, scalar, inner, inner - indent),
        }
    }
}

/// A value that begins on the present line; `indent` is that of its further lines, `depth` how much
/// more that is than what holds the value.
fn scalar_line(out: &mut String, node: &Node, indent: usize, depth: usize) {
    match node {
        Node::Text(text) if scalar::wants_block(text) => {
            scalar::write_block(out, text, indent, depth)
        }
        other => {
            inline(out, other, Place::Block);
            out.push('\n');
        }
    }
}

fn inline(out: &mut String, node: &Node, place: Place) {
    match node {
        Node::Plain(text) => out.push_str(text),
        Node::Text(text) => scalar::write_inline(out, text, place),
        Node::Sequence(items) | Node::FlowSequence(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                inline(out, item, Place::Flow);
            }
            out.push(']');
        }
        Node::Mapping(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                inline(out, key, Place::Flow);
                out.push_str(": ");
                inline(out, value, Place::Flow);
            }
            out.push('}');
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}
