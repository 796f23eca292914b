use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::*;

/// The one file `a.proto`.
struct Text(String);

impl FileResolver for Text {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match name {
            "a.proto" => File::from_source(name, &self.0),
            _ => Err(protox::Error::file_not_found(name)),
        }
    }
}

fn compile(text: &str) -> FileDescriptorSet {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Text(format!("syntax = \"proto3\";\n{text}")));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    compiler.open_file("a.proto").unwrap();
    compiler.file_descriptor_set()
}

fn found(old: &str, new: &str) -> Vec<String> {
    let package = |text| compile(&format!("package p;\n{text}"));
    breaks(&package(old), &package(new)).into_iter().collect()
}

#[test]
fn each_kind_of_break_in_a_message_is_found() {
    let field = "message M { string f = 1; }";
    for (old, new, expected) in [
        (field, "message N { string f = 1; }", "message p.M is gone"),
        (field, "message M {}", "field p.M.f is gone"),
        (field, "message M { reserved 1; }", "field p.M.f is gone"),
        (
            field,
            "message M { string f = 2; }",
            "field p.M.f: number 1 became 2",
        ),
        (
            field,
            "message M { bytes f = 1; }",
            "field p.M.f: type string became bytes",
        ),
        (
            field,
            "message M { M f = 1; }",
            "field p.M.f: type string became .p.M",
        ),
        (
            "message M { E f = 1; } enum E { A = 0; } enum F { B = 0; }",
            "message M { F f = 1; } enum E { A = 0; } enum F { B = 0; }",
            "field p.M.f: type .p.E became .p.F",
        ),
        (
            "message M { map<string, string> f = 1; }",
            "message M {}",
            "field p.M.f is gone",
        ),
        (
            "message M { map<string, string> f = 1; }",
            "message M { map<string, bool> f = 1; }",
            "field p.M.f: type map<string, string> became map<string, bool>",
        ),
        (
            field,
            "message M { repeated string f = 1; }",
            "field p.M.f: label singular became repeated",
        ),
        (
            field,
            "message M { optional string f = 1; }",
            "field p.M.f: label singular became optional",
        ),
        (
            field,
            "message M { oneof o { string f = 1; } }",
            "field p.M.f: label singular became oneof o",
        ),
        (
            field,
            "message M { string f = 1 [json_name = \"g\"]; }",
            "field p.M.f: JSON name f became g",
        ),
        (
            "message M { reserved 3 to 5; }",
            "message M { string f = 5; }",
            "field p.M.f: number 5 was reserved",
        ),
        (
            "message M { reserved \"f\"; }",
            "message M { string f = 1; }",
            "field p.M.f: the name was reserved",
        ),
        (
            "message M { message N { string f = 1; } }",
            "message M { message N {} }",
            "field p.M.N.f is gone",
        ),
    ] {
        assert_eq!(found(old, new), [expected], "{new}");
    }
}

#[test]
fn each_kind_of_break_in_an_enum_or_a_service_is_found() {
    let service = |method: &str| format!("message A {{}} message B {{}} service S {{ {method} }}");
    let method = service("rpc R(A) returns (A);");
    for (old, new, expected) in [
        ("enum E { A = 0; }", String::new(), "enum p.E is gone"),
        (
            "message M { enum E { A = 0; } }",
            "message M {}".into(),
            "enum p.M.E is gone",
        ),
        (
            "enum E { A = 0; B = 1; }",
            "enum E { A = 0; }".into(),
            "value p.E.B is gone",
        ),
        (
            "enum E { A = 0; B = 1; }",
            "enum E { A = 0; B = 2; }".into(),
            "value p.E.B: number 1 became 2",
        ),
        (
            "enum E { A = 0; reserved 3 to 5; }",
            "enum E { A = 0; B = 5; }".into(),
            "value p.E.B: number 5 was reserved",
        ),
        (
            &method,
            "message A {} message B {}".into(),
            "service p.S is gone",
        ),
        (&method, service(""), "method p.S.R is gone"),
        (
            &method,
            service("rpc R(B) returns (A);"),
            "method p.S.R: request .p.A became .p.B",
        ),
        (
            &method,
            service("rpc R(A) returns (B);"),
            "method p.S.R: response .p.A became .p.B",
        ),
        (
            &method,
            service("rpc R(A) returns (stream A);"),
            "method p.S.R: kind unary became server stream",
        ),
        (
            &method,
            service("rpc R(stream A) returns (A);"),
            "method p.S.R: kind unary became client stream",
        ),
    ] {
        assert_eq!(found(old, &new), [expected], "{new}");
    }
}

#[test]
fn a_package_that_is_gone_is_named_alone() {
    let text = "message M { string f = 1; } enum E { A = 0; } service S { rpc R(M) returns (M); }";
    let old = compile(&format!("package p;\n{text}"));
    let new = compile(&format!("package q;\n{text}"));
    assert_eq!(
        breaks(&old, &new),
        BTreeSet::from(["package p is gone".to_owned()])
    );
}

#[test]
fn a_changed_extension_is_found() {
    let text = |kind: &str, number: u32| {
        format!(
            "import \"google/protobuf/descriptor.proto\";\n\
             extend google.protobuf.FieldOptions {{ {kind} x = {number}; }}"
        )
    };
    let old = text("string", 50000);
    assert_eq!(
        found(&old, &text("bytes", 50001)),
        [
            "extension p.x: number 50000 became 50001",
            "extension p.x: type string became bytes"
        ]
    );
    assert_eq!(found(&old, ""), ["extension p.x is gone"]);
}

#[test]
fn an_addition_breaks_nothing() {
    let message = "message M { string f = 1; reserved 9; }";
    let service = "message M {} service S { rpc R(M) returns (M); }";
    for (old, new) in [
        ("", message),
        (message, message),
        (
            message,
            "message M { string f = 1; string g = 2; reserved 9; }",
        ),
        (
            message,
            "message M { string f = 1; message N { string f = 1; } reserved 9; }",
        ),
        (message, "message M { string f = 1; reserved 8, 9; }"),
        (
            message,
            "message M { string f = 1 [deprecated = true]; reserved 9; }",
        ),
        ("enum E { A = 0; }", "enum E { A = 0; B = 1; }"),
        ("enum E { A = 0; }", "enum E { A = 0; } enum F { B = 0; }"),
        (
            service,
            "message M {} service S { rpc Q(M) returns (M); rpc R(M) returns (M); }",
        ),
        (
            service,
            "message M {} service S { rpc R(M) returns (M); } service T {}",
        ),
    ] {
        assert_eq!(found(old, new), Vec::<String>::new(), "{new}");
    }
}
