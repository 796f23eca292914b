//! Types: from what a person wrote to what the node knows.

use anyhow::{Result, bail};
use ichor_api::cosi::resource::ListRequest;
use serde_json::Value;

use crate::connect::{Connected, explain};

const TYPE: &str = "ResourceDefinitions.meta.cosi.dev";
const NAMESPACE: &str = "meta";

/// What the node says of a type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Definition {
    pub(crate) type_name: String,
    pub(crate) display_type: String,
    pub(crate) default_namespace: String,
    /// Header and JSONPath template.
    pub(crate) columns: Vec<(String, String)>,
    names: Vec<String>,
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
    let mut stream = reply.map_err(|status| explain(&status))?.into_inner();
    let mut matching = Vec::new();
    while let Some(reply) = stream.message().await.map_err(|status| explain(&status))? {
        let resource = reply.resource.unwrap_or_default();
        let id = resource.metadata.unwrap_or_default().id;
        let spec: Value = serde_saphyr::from_str(&resource.spec.unwrap_or_default().yaml_spec)?;
        let definition = parse(&spec, id);
        if definition.is_called(name) {
            matching.push(definition);
        }
    }
    match matching.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!("resource type {name:?} is not known; `ichor get rd` lists all"),
        several => {
            let names: Vec<_> = several.iter().map(|each| each.type_name.as_str()).collect();
            bail!(
                "{name:?} may stand for {}: write one of these",
                names.join(", ")
            )
        }
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
    let text = |key: &str| {
        spec.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let list = |key: &str| {
        spec.get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let columns = list("printColumns").into_iter().map(|column| {
        let part = |key: &str| {
            column
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        (part("name"), part("jsonPath"))
    });
    let aliases = list("allAliases").into_iter();
    let aliases = aliases.filter_map(|alias| alias.as_str().map(str::to_owned));
    let mut names = vec![id, text("type")];
    names.extend(aliases);
    Definition {
        type_name: text("type"),
        display_type: text("displayType"),
        default_namespace: text("defaultNamespace"),
        columns: columns.collect(),
        names,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_is_found_by_every_alias_in_any_case() {
        let spec = json!({
            "type": "LinkStatuses.net.talos.dev",
            "displayType": "LinkStatus",
            "defaultNamespace": "network",
            "allAliases": ["linkstatuses", "linkstatuses.net", "link", "links"],
            "printColumns": [{"name": "Alias", "jsonPath": "{.alias}"}],
        });
        let definition = parse(&spec, "linkstatuses.net.talos.dev".into());
        assert_eq!(
            definition.columns,
            [("Alias".to_owned(), "{.alias}".to_owned())]
        );
        for name in ["links", "LinkStatuses.net", "linkstatuses.net.talos.dev"] {
            assert!(definition.is_called(name), "{name}");
        }
        assert!(!definition.is_called("lin"));
    }
}
