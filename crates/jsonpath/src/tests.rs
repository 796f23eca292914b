use serde_json::{Value, json};

use super::Template;

fn value() -> Value {
    json!({
        "address": "10.0.0.1/8",
        "mtu": 1500,
        "up": true,
        "spec": {"volumeID": "STATE"},
        "list": ["a", "b", "c", "d"],
        "endpoints": [{"host": "x", "port": 1}, {"host": "y", "port": 22}],
        "conditions": [{"type": "Up", "status": "no"}, {"type": "Ready", "status": "True"}],
        "labels": {"kubernetes.io/arch": "amd64", "b c": "d"},
        "empty": null,
    })
}

fn text(template: &str) -> String {
    Template::parse(template).unwrap().text(&value())
}

#[test]
fn renders_what_definitions_use() {
    let cases = [
        ("{.address}", "10.0.0.1/8"),
        ("{.spec.volumeID}", "STATE"),
        ("{.list}", r#"["a","b","c","d"]"#),
        ("{.list[:]}", "a b c d"),
        ("{.endpoints[*].host}", "x y"),
        (r#"{.conditions[?(@.type=="Ready")].status}"#, "True"),
        ("{.missing}{.empty}", ""),
        ("a{.missing.x}b", "ab"),
    ];
    for (template, expected) in cases {
        assert_eq!(text(template), expected, "{template}");
    }
    let whole = Template::parse("{@}").unwrap();
    assert_eq!(whole.text(&json!("worker")), "worker");
}

#[test]
fn renders_what_people_write() {
    let cases = [
        ("{$.mtu} {.up}", "1500 true"),
        ("{mtu}", "1500"),
        ("{['mtu']}{[\"mtu\"]}", "15001500"),
        ("{.labels.kubernetes\\.io/arch}", "amd64"),
        ("{.labels['b c']}", "d"),
        ("{.labels['b c', 'kubernetes.io/arch']}", "d amd64"),
        ("{.labels.*}", "amd64 d"),
        ("{.list[0]} {.list[-1]} {.list[9]}", "a d "),
        ("{.list[0,2]}", "a c"),
        ("{.list[1:3]}", "b c"),
        ("{.list[:-1]}", "a b c"),
        ("{.list[-2:]}", "c d"),
        ("{.list[0:4:2]}", "a c"),
        ("{..host}", "x y"),
        ("{.endpoints..port}", "1 22"),
        ("{.endpoints[?(@.port>2)].host}", "y"),
        ("{.endpoints[?(@.port <= 1)].host}", "x"),
        ("{.endpoints[?(@.host != 'x')].port}", "22"),
        ("{.endpoints[?(@.port == '22')].host}", "y"),
        ("{.endpoints[?(@.nothing)].host}", ""),
        ("{.endpoints[?($.up == true)].host}", "x y"),
        (
            "{range .endpoints[*]}{.host}{'\\t'}{.port}{\"\\n\"}{end}",
            "x\t1\ny\t22\n",
        ),
        (
            "{range .endpoints[*]}{range $.list[0:2]}{@}{end}{.host} {end}",
            "abx aby ",
        ),
        ("{.mtu \" \" .up}", "1500 true"),
        ("mtu: {.mtu}", "mtu: 1500"),
    ];
    for (template, expected) in cases {
        assert_eq!(text(template), expected, "{template}");
    }
}

#[test]
fn one_path_gives_a_line_for_each_value() {
    let lines = |template| Template::parse(template).unwrap().lines(&value());
    assert_eq!(lines("{.mtu}"), "1500\n");
    assert_eq!(lines("{.list[0:2]}"), "a\nb\n");
    assert_eq!(lines("{.spec}"), "{\n    \"volumeID\": \"STATE\"\n}\n");
    assert_eq!(lines("{.missing}"), "");
    assert_eq!(lines("{.mtu}{'\\n'}"), "1500\n");
    assert_eq!(lines("{.mtu} {.up}"), "1500 true\n");
}

#[test]
fn mistakes_have_a_place() {
    let cases = [
        ("{.open", "{ has no } at character 7"),
        (
            "{range .list[*]}{@}",
            "{range} has no {end} at character 20",
        ),
        (
            "{.a}{end}",
            "{end} has no {range} before it at character 10",
        ),
        (
            "{.list[x]}",
            "a number, 'NAME', * or ?(...) is expected at character 8",
        ),
        ("{.list[0}", ", is expected at character 9"),
        ("{.list[?(@.a]}", ") is expected at character 13"),
        (
            "{.list[?(1)]}",
            "an operator such as == is expected at character 11",
        ),
        (
            "{.list[?(@.a==x)]}",
            "a path, a number or a quoted text is expected at character 16",
        ),
        ("{'a}", "the quote has no end at character 5"),
        ("{=}", "a path such as .spec.x is expected at character 2"),
        (
            "{.list[1:2:0]}",
            "a step of at least 1 is expected at character 13",
        ),
        ("{.list[1-]}", "the number is none at character 10"),
    ];
    for (template, expected) in cases {
        let error = Template::parse(template).unwrap_err();
        assert_eq!(error.to_string(), expected, "{template}");
    }
    let deep = "{range .a}".repeat(100);
    assert!(Template::parse(&deep).is_err());
    let nested = "{.a[?(@.b[?(".repeat(10_000);
    assert!(Template::parse(&nested).is_err());
}

/// All of them would be 4 GiB of pointers.
#[test]
fn what_is_too_much_is_not_gathered() {
    let list = Value::Array(vec![json!(1); 1024]);
    let template = format!("{{[*{}]}}", ",*".repeat(512 << 10));
    let text = Template::parse(&template).unwrap().text(&list);
    assert!(text.len() <= 64 << 20);
}

#[test]
fn a_template_that_asks_for_too_much_comes_to_an_end() {
    let list = json!([[1, 2, 3], [4, 5, 6], [[7, 8], 9]]);
    for template in [
        "{..*..*..*..*..*..*..*..*..*..*}".to_owned(),
        "{range ..*}".repeat(12) + "x" + &"{end}".repeat(12),
        "{..[?(@..*)]}".repeat(100),
    ] {
        let text = Template::parse(&template).map(|template| template.text(&list));
        assert!(text.unwrap().len() <= 64 << 20, "{template}");
    }
}
