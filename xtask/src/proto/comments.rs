//! Whether everything in `proto/` says what it is.

use std::collections::BTreeSet;

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// Field numbers by which descriptors are found in a file. Source: google/protobuf/descriptor.proto.
mod number {
    pub(super) const MESSAGE_IN_FILE: i32 = 4;
    pub(super) const ENUM_IN_FILE: i32 = 5;
    pub(super) const SERVICE_IN_FILE: i32 = 6;
    pub(super) const FIELD_IN_MESSAGE: i32 = 2;
    pub(super) const MESSAGE_IN_MESSAGE: i32 = 3;
    pub(super) const ENUM_IN_MESSAGE: i32 = 4;
    pub(super) const METHOD_IN_SERVICE: i32 = 2;
}

/// Services, methods, messages, enums and fields without a comment before them, each with its file.
/// The descriptors hold positions and comments.
pub(super) fn missing(descriptors: &FileDescriptorSet) -> Vec<String> {
    // What comes with the compiler lies in no file of ours.
    let own = |file: &&FileDescriptorProto| !file.name().starts_with("google/protobuf/");
    descriptors.file.iter().filter(own).flat_map(walk).collect()
}

fn walk(file: &FileDescriptorProto) -> Vec<String> {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let mut walk = Walk {
        file: file.name(),
        commented: locations
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| location.path.as_slice())
            .collect(),
        missing: Vec::new(),
    };
    for (index, message) in (0..).zip(&file.message_type) {
        walk.message(message, file.package(), &[number::MESSAGE_IN_FILE, index]);
    }
    for (index, each) in (0..).zip(&file.enum_type) {
        walk.enumeration(each, file.package(), &[number::ENUM_IN_FILE, index]);
    }
    for (index, service) in (0..).zip(&file.service) {
        let path = [number::SERVICE_IN_FILE, index];
        let name = format!("{}.{}", file.package(), service.name());
        walk.look("service", &name, &path);
        for (index, method) in (0..).zip(&service.method) {
            let name = format!("{name}/{}", method.name());
            walk.look(
                "method",
                &name,
                &below(&path, number::METHOD_IN_SERVICE, index),
            );
        }
    }
    walk.missing
}

struct Walk<'a> {
    file: &'a str,
    /// Paths of what has a comment.
    commented: BTreeSet<&'a [i32]>,
    missing: Vec<String>,
}

impl Walk<'_> {
    fn message(&mut self, message: &DescriptorProto, parent: &str, path: &[i32]) {
        let name = format!("{parent}.{}", message.name());
        self.look("message", &name, path);
        for (index, field) in (0..).zip(&message.field) {
            let name = format!("{name}.{}", field.name());
            self.look(
                "field",
                &name,
                &below(path, number::FIELD_IN_MESSAGE, index),
            );
        }
        for (index, nested) in (0..).zip(&message.nested_type) {
            // The compiler makes a message of each map.
            let is_map = nested.options.as_ref().is_some_and(|each| each.map_entry());
            if !is_map {
                let path = below(path, number::MESSAGE_IN_MESSAGE, index);
                self.message(nested, &name, &path);
            }
        }
        for (index, each) in (0..).zip(&message.enum_type) {
            self.enumeration(each, &name, &below(path, number::ENUM_IN_MESSAGE, index));
        }
    }

    fn enumeration(&mut self, each: &EnumDescriptorProto, parent: &str, path: &[i32]) {
        self.look("enum", &format!("{parent}.{}", each.name()), path);
    }

    fn look(&mut self, kind: &str, name: &str, path: &[i32]) {
        if !self.commented.contains(path) {
            let file = self.file;
            self.missing.push(format!("proto/{file}: {kind} {name}"));
        }
    }
}

fn below(path: &[i32], number: i32, index: i32) -> Vec<i32> {
    [path, &[number, index]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_in(text: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.proto");
        std::fs::write(&path, format!("syntax = \"proto3\"; package p;\n{text}")).unwrap();
        missing(&protox::compile([&path], [directory.path()]).unwrap())
    }

    #[test]
    fn what_says_nothing_is_named_with_its_file() {
        let field = "\n// F.\nstring f = 1;\n";
        for (text, expected) in [
            (format!("message M {{ {field} }}"), "message p.M"),
            ("// M.\nmessage M { string f = 1; }".into(), "field p.M.f"),
            (
                "// M.\nmessage M { map<string, string> f = 1; }".into(),
                "field p.M.f",
            ),
            (
                format!("// M.\nmessage M {{ message N {{ {field} }} }}"),
                "message p.M.N",
            ),
            (
                "// M.\nmessage M { enum E { A = 0; } }".into(),
                "enum p.M.E",
            ),
            ("enum E { A = 0; }".into(), "enum p.E"),
            ("//\nenum E { A = 0; }".into(), "enum p.E"),
            ("service S {}".into(), "service p.S"),
            (
                "// M.\nmessage M {}\n// S.\nservice S { rpc R(M) returns (M); }".into(),
                "method p.S/R",
            ),
        ] {
            assert_eq!(
                missing_in(&text),
                [format!("proto/a.proto: {expected}")],
                "{text}"
            );
        }
    }

    #[test]
    fn what_says_all_is_left_alone() {
        let text = "// M.\nmessage M {\n  // F.\n  map<string, string> f = 1;\n  // E.\n  enum E { A = 0; }\n}\n\
            // S.\nservice S {\n  // R.\n  rpc R(M) returns (M);\n}\n";
        assert_eq!(missing_in(text), Vec::<String>::new());
    }
}
