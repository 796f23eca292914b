use ichor_api::cosi::resource::Spec;

use super::super::definition::tests::link;
use super::*;

fn time(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds,
        nanos: 241_731_416,
    })
}

fn resource(id: &str, yaml: &str) -> Resource {
    Resource {
        metadata: Some(Metadata {
            namespace: "network".into(),
            r#type: "LinkStatuses.net.talos.dev".into(),
            id: id.into(),
            version: "2".into(),
            owner: "network.LinkStatusController".into(),
            phase: "running".into(),
            created: time(1_795_901_413),
            updated: time(1_795_901_414),
            ..Metadata::default()
        }),
        spec: Some(Spec {
            yaml_spec: yaml.into(),
            ..Spec::default()
        }),
    }
}

fn printed(output: &str, changes: &[Change], resources: &[Resource]) -> String {
    let (output, definition) = (output.parse().unwrap(), link());
    let mut printer = Printer::new(&output, changes[0] != Change::None);
    printer.begin(&definition);
    for (change, resource) in changes.iter().zip(resources) {
        printer.add(&Item {
            node: "10.5.0.2",
            definition: &definition,
            change: *change,
            resource,
        });
    }
    printer.take()
}

const LINK: &str = "alias: up link\nmtu: 1500\nlist:\n    - a\n";

#[test]
fn a_table_has_the_columns_of_the_type() {
    let resources = [resource("eth0", LINK), resource("lo", "mtu: 65536\n")];
    let text = printed("table", &[Change::None; 2], &resources);
    let expected = "\
NODE       NAMESPACE   TYPE         ID     VERSION   ALIAS     MTU     BAD
10.5.0.2   network     LinkStatus   eth0   2         up link   1500
10.5.0.2   network     LinkStatus   lo     2                   65536
";
    assert_eq!(text, expected);
    let nothing = printed("table", &[Change::None], &[]);
    assert!(nothing.starts_with("NODE   NAMESPACE"), "{nothing}");
}

#[test]
fn a_watched_table_marks_what_came_and_went() {
    let resources = [
        resource("eth0", LINK),
        resource("eth0", LINK),
        resource("eth0", ""),
    ];
    let changes = [Change::Created, Change::Updated, Change::Destroyed];
    let text = printed("table", &changes, &resources);
    let expected = "\
NODE       *   NAMESPACE   TYPE         ID     VERSION   ALIAS     MTU    BAD
10.5.0.2   +   network     LinkStatus   eth0   2         up link   1500
10.5.0.2       network     LinkStatus   eth0   2         up link   1500
10.5.0.2   -   network     LinkStatus   eth0   2
";
    assert_eq!(text, expected);
}

#[test]
fn yaml_has_a_document_for_each_resource() {
    let mut labelled = resource("1", "");
    let metadata = labelled.metadata.as_mut().unwrap();
    metadata.owner = String::new();
    metadata.labels = [("b", "true"), ("a", "x")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    metadata.finalizers = vec!["network.X".into()];
    let resources = [resource("eth0", LINK), labelled];
    let text = printed("yaml", &[Change::Created, Change::Destroyed], &resources);
    let expected = r#"node: 10.5.0.2
event: created
metadata:
    namespace: network
    type: LinkStatuses.net.talos.dev
    id: eth0
    version: 2
    owner: network.LinkStatusController
    phase: running
    created: 2026-11-28T21:30:13Z
    updated: 2026-11-28T21:30:14Z
spec:
    alias: up link
    mtu: 1500
    list:
        - a
---
node: 10.5.0.2
event: destroyed
metadata:
    namespace: network
    type: LinkStatuses.net.talos.dev
    id: "1"
    version: 2
    owner:
    phase: running
    created: 2026-11-28T21:30:13Z
    updated: 2026-11-28T21:30:14Z
    labels:
        a: x
        b: "true"
    finalizers:
        - network.X
spec:
"#;
    assert_eq!(text, expected);
}

#[test]
fn a_spec_that_is_no_mapping_stays_on_its_line() {
    for (yaml, expected) in [
        ("worker\n", "spec: worker\n"),
        ("{}\n", "spec: {}\n"),
        ("- a\n- b\n", "spec:\n    - a\n    - b\n"),
    ] {
        let text = printed("yaml", &[Change::None], &[resource("x", yaml)]);
        assert!(text.ends_with(expected), "{text}");
    }
}

#[test]
fn json_is_an_object_for_each_resource() {
    let text = printed(
        "json",
        &[Change::Updated],
        &[resource("eth0", "mtu: 1500\n")],
    );
    let expected = r#"{
    "metadata": {
        "namespace": "network",
        "type": "LinkStatuses.net.talos.dev",
        "id": "eth0",
        "version": 2,
        "owner": "network.LinkStatusController",
        "phase": "running",
        "created": "2026-11-28T21:30:13Z",
        "updated": "2026-11-28T21:30:14Z"
    },
    "spec": {
        "mtu": 1500
    },
    "node": "10.5.0.2",
    "event": "updated"
}
"#;
    assert_eq!(text, expected);
}

#[test]
fn a_template_gives_lines() {
    let resources = [resource("eth0", LINK), resource("lo", "mtu: 65536\n")];
    let of = |template: &str| printed(template, &[Change::None; 2], &resources);
    assert_eq!(of("jsonpath={.spec.mtu}"), "1500\n65536\n");
    assert_eq!(
        of("jsonpath={.node} {.metadata.id}"),
        "10.5.0.2 eth0\n10.5.0.2 lo\n"
    );
}

#[test]
fn no_form_moves_the_cursor() {
    let mut hostile = resource("\u{1b}[2J", "a: \"\u{9b}2J\\e[2J\"\nb: \u{1b}c\n");
    hostile.metadata.as_mut().unwrap().version = "1\u{1b}c\n".into();
    for form in ["table", "yaml", "json", "jsonpath={.metadata.id}{.spec}"] {
        let text = printed(form, &[Change::None], &[hostile.clone()]);
        let commands = |letter: char| letter.is_control() && letter != '\n';
        assert!(!text.contains(commands), "{form}: {text:?}");
    }
    let text = printed("json", &[Change::None], &[resource("x", "\"\\x9b\"")]);
    assert!(text.contains(r#""spec": "\u009b""#), "{text}");
}

#[test]
fn forms_that_are_not_known_are_refused() {
    for (text, expected) in [
        ("wide", "table, yaml, json and jsonpath=TEMPLATE are known"),
        (
            "jsonpath=.spec.x",
            "a path stands in braces: jsonpath={.spec.x}",
        ),
        ("jsonpath={.spec", "{ has no } at character 7"),
    ] {
        assert_eq!(text.parse::<Output>().unwrap_err(), expected);
    }
}
