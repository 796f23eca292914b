//! Types: from what a person wrote to what the node knows.

use anyhow::{Result, bail};
use ichor_api::cosi::resource::ListRequest;
use ichor_jsonpath::Template;
use serde_json::Value;

use crate::connect::{Connected, called, read};

const TYPE: &str = "ResourceDefinitions.meta.cosi.dev";
const NAMESPACE: &str = "meta";

/// So many names are proposed for one that is not known.
const PROPOSED_MAX: usize = 3;
/// How much alike names have to be, from 0 to 1.
const LIKENESS_MIN: f64 = 0.85;

/// What the node says of a type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) type_name: String,
    pub(crate) display_type: String,
    pub(crate) default_namespace: String,
    pub(crate) columns: Vec<Column>,
    names: Vec<String>,
}

/// A column of the table beside those that all types have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) header: String,
    /// Absent when the node's template is none.
    template: Option<Template>,
}

impl Column {
    /// The cell for a spec.
    pub(crate) fn cell(&self, spec: &Value) -> String {
        let template = self.template.as_ref();
        template.map(|each| each.text(spec)).unwrap_or_default()
    }
}

/// Asks the node for the type that is meant.
///
/// # Errors
/// When no type or more than one has that name.
pub(crate) async fn find(node: &Connected, name: &str) -> Result<Definition> {
    let request = ListRequest {
        namespace: NAMESPACE.into(),
        r#type: TYPE.into(),
        options: None,
    };
    let reply = node.client.state().list(request).await;
    let stream = reply.map_err(called("List"))?.into_inner();
    let mut definitions = Vec::new();
    read("List", stream, |reply| {
        let resource = reply.resource.unwrap_or_default();
        let id = resource.metadata.unwrap_or_default().id;
        let spec: Value = serde_saphyr::from_str(&resource.spec.unwrap_or_default().yaml_spec)?;
        definitions.push(parse(&spec, id));
        Ok(())
    })
    .await?;
    choose(definitions, name)
}

fn choose(definitions: Vec<Definition>, name: &str) -> Result<Definition> {
    let (mut matching, others): (Vec<_>, Vec<_>) = definitions
        .into_iter()
        .partition(|definition| definition.is_called(name));
    if matching.len() > 1 {
        let names: Vec<_> = matching.iter().map(|each| each.names.first()).collect();
        let names: Vec<_> = names.into_iter().flatten().map(String::as_str).collect();
        bail!("{name:?} may be {}: write one of these", either(&names));
    }
    if let Some(only) = matching.pop() {
        return Ok(only);
    }
    let proposed = propose(&others, name);
    match proposed.as_slice() {
        [] => bail!("no resource type is called {name:?}: `ichor get rd` lists all"),
        names => bail!(
            "no resource type is called {name:?}: did you mean {}? `ichor get rd` lists all",
            either(names)
        ),
    }
}

/// Names that are most like the one that was written, one for each type.
fn propose<'a>(definitions: &'a [Definition], name: &str) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let likeness = |other: &str| strsim::jaro_winkler(&name, &other.to_lowercase());
    let best = |definition: &'a Definition| {
        let names = definition.names.iter();
        let rated = names.map(|each| (likeness(each), each.as_str()));
        rated.max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let mut rated: Vec<_> = definitions.iter().filter_map(best).collect();
    rated.retain(|(likeness, _)| *likeness >= LIKENESS_MIN);
    rated.sort_by(|a, b| b.0.total_cmp(&a.0));
    let names = rated.into_iter().map(|(_, name)| name);
    names.take(PROPOSED_MAX).collect()
}

fn either(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl Definition {
    fn is_called(&self, name: &str) -> bool {
        self.names
            .iter()
            .any(|each| each.eq_ignore_ascii_case(name))
    }
}

fn parse(spec: &Value, id: String) -> Definition {
    let list = |key: &str| spec.get(key).and_then(Value::as_array);
    let columns = list("printColumns").into_iter().flatten();
    let aliases = list("allAliases").into_iter().flatten();
    let mut names = vec![id, text(spec, "type")];
    names.extend(aliases.filter_map(|alias| alias.as_str().map(str::to_owned)));
    Definition {
        type_name: text(spec, "type"),
        display_type: text(spec, "displayType"),
        default_namespace: text(spec, "defaultNamespace"),
        columns: columns
            .map(|column| Column {
                header: text(column, "name").to_uppercase(),
                template: Template::parse(&text(column, "jsonPath")).ok(),
            })
            .collect(),
        names,
    }
}

fn text(value: &Value, key: &str) -> String {
    let text = value.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn link() -> Definition {
        let spec = json!({
            "type": "LinkStatuses.net.talos.dev",
            "displayType": "LinkStatus",
            "defaultNamespace": "network",
            "allAliases": ["linkstatuses", "linkstatuses.net", "link", "links", "ls"],
            "printColumns": [
                {"name": "Alias", "jsonPath": "{.alias}"},
                {"name": "MTU", "jsonPath": "{.mtu}"},
                {"name": "Bad", "jsonPath": "{.mtu"},
            ],
        });
        parse(&spec, "linkstatuses.net.talos.dev".into())
    }

    fn spec() -> Definition {
        let spec = json!({
            "type": "LinkSpecs.net.talos.dev",
            "displayType": "LinkSpec",
            "defaultNamespace": "network",
            "allAliases": ["linkspecs", "ls"],
        });
        parse(&spec, "linkspecs.net.talos.dev".into())
    }

    #[test]
    fn a_type_is_found_by_every_alias_in_any_case() {
        let definition = link();
        let headers: Vec<_> = definition.columns.iter().map(|each| &each.header).collect();
        assert_eq!(headers, ["ALIAS", "MTU", "BAD"]);
        let cells = definition.columns.iter();
        let cells: Vec<_> = cells.map(|each| each.cell(&json!({"mtu": 9}))).collect();
        assert_eq!(cells, ["", "9", ""]);
        for name in ["links", "LinkStatuses.net", "linkstatuses.net.talos.dev"] {
            assert!(definition.is_called(name), "{name}");
        }
        assert!(!definition.is_called("lin"));
    }

    #[test]
    fn who_is_not_understood_is_told_what_to_write() {
        let cases = [
            (
                "ls",
                "\"ls\" may be linkstatuses.net.talos.dev or linkspecs.net.talos.dev: write one of \
                 these",
            ),
            (
                "lnks",
                "no resource type is called \"lnks\": did you mean links? `ichor get rd` lists all",
            ),
            (
                "linkspec",
                "no resource type is called \"linkspec\": did you mean linkspecs or links? `ichor \
                 get rd` lists all",
            ),
            (
                "pods",
                "no resource type is called \"pods\": `ichor get rd` lists all",
            ),
        ];
        for (name, expected) in cases {
            let error = choose(vec![link(), spec()], name).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        assert_eq!(choose(vec![link(), spec()], "LINKS").unwrap(), link());
    }
}
