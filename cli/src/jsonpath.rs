//! The JSONPath that columns are written in: `{.a.b}`, `{.list[*].c}`, `{@}`.
//!
//! Source: Kubernetes, JSONPath Support; only what resource definitions use.

use serde_json::Value;

/// The text of a template over a value; parts that are not there are empty.
pub(crate) fn render(template: &str, value: &Value) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((path, after)) = after.split_once('}') else {
            return text;
        };
        let found: Vec<String> = select(path, value).iter().map(|each| plain(each)).collect();
        text.push_str(&found.join(" "));
        rest = after;
    }
    text.push_str(rest);
    text
}

fn select<'a>(path: &str, value: &'a Value) -> Vec<&'a Value> {
    let path = path.strip_prefix('@').unwrap_or(path);
    let mut found = vec![value];
    for step in steps(path) {
        found = found
            .into_iter()
            .flat_map(|each| follow(each, &step))
            .collect();
    }
    found
}

#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Every,
    Filter { key: String, value: String },
}

/// Steps of a path such as `.conditions[?(@.type=="Ready")].status`.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((index, after)) = inside.split_once(']') else {
                return steps;
            };
            steps.push(bracket(index));
            rest = after;
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (key, after) = name.split_at(end);
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            }
            rest = after;
        }
    }
    steps
}

fn bracket(index: &str) -> Step {
    let condition = index
        .strip_prefix("?(@.")
        .and_then(|text| text.strip_suffix(')'))
        .and_then(|text| text.split_once("=="));
    match condition {
        Some((key, value)) => Step::Filter {
            key: key.to_owned(),
            value: value.trim_matches('"').to_owned(),
        },
        // `[*]` and `[:]` stand for all.
        None => Step::Every,
    }
}

fn follow<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => map.get(key).into_iter().collect(),
        (Step::Every, Value::Array(list)) => list.iter().collect(),
        (Step::Filter { key, value: wanted }, Value::Array(list)) => list
            .iter()
            .filter(|each| each.get(key).is_some_and(|found| plain(found) == *wanted))
            .collect(),
        _ => Vec::new(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::render;

    #[test]
    fn renders_what_definitions_use() {
        let value = json!({
            "address": "10.0.0.1/8",
            "spec": {"volumeID": "STATE"},
            "list": ["a", "b"],
            "endpoints": [{"host": "x"}, {"host": "y"}],
            "conditions": [{"type": "Up", "status": "no"}, {"type": "Ready", "status": "True"}],
            "empty": null,
        });
        let cases = [
            ("{.address}", "10.0.0.1/8"),
            ("{.spec.volumeID}", "STATE"),
            ("{.list}", "[\"a\",\"b\"]"),
            ("{.list[:]}", "a b"),
            ("{.endpoints[*].host}", "x y"),
            ("{.conditions[?(@.type==\"Ready\")].status}", "True"),
            ("{.missing}{.empty}", ""),
            ("a{.missing.x}b", "ab"),
            ("{.open", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(render(template, &value), expected, "{template}");
        }
        assert_eq!(render("{@}", &json!("worker")), "worker");
    }
}
