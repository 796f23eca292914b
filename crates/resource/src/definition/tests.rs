use std::collections::BTreeSet;

use super::*;
use crate::{Spec, specs};

#[track_caller]
fn find(type_name: &str) -> &'static Definition {
    find_definition(type_name).unwrap()
}

#[test]
fn there_are_199_types_of_the_protocol_and_one_of_ours_each_once() {
    let names: BTreeSet<&str> = definitions().iter().map(|each| each.type_name).collect();
    assert_eq!(definitions().len(), 200);
    assert_eq!(names.len(), 200);
    assert!(definitions().is_sorted_by_key(|each| each.type_name));
    // Known in code elsewhere, but not to the API.
    assert_eq!(
        find_definition("DiscoveredVolumesStatuses.block.talos.dev"),
        None
    );
    assert_eq!(find_definition("Nothing"), None);
}

#[test]
fn rows_say_what_the_tables_say() {
    let members = find("Members.cluster.talos.dev");
    assert_eq!(members.display_type, "Member");
    assert_eq!(members.default_namespace, "cluster");
    assert_eq!(members.aliases, ["member"]);
    assert_eq!(
        members.columns[1],
        Column::new("Machine Type", "{.machineType}")
    );
    assert_eq!(members.sensitivity, Sensitivity::NonSensitive);
    let links = find("LinkStatuses.net.talos.dev");
    assert_eq!(links.display_type, "LinkStatus");
    assert_eq!(links.aliases, ["link", "links", "linkstatus", "ls"]);
    let roots = find("OSRootSecrets.secrets.talos.dev");
    assert_eq!(roots.sensitivity, Sensitivity::Sensitive);
    assert_eq!(
        find("MachineTypes.config.talos.dev").columns,
        [Column::new("Type", "{@}")]
    );
    assert_eq!(
        find("Identities.cluster.talos.dev").display_type,
        "Identity"
    );
}

#[test]
fn all_aliases_have_the_dotted_beginnings_first() {
    assert_eq!(
        find("Members.cluster.talos.dev").all_aliases(),
        [
            "members",
            "members.cluster",
            "members.cluster.talos",
            "member"
        ]
    );
    assert_eq!(
        find("Namespaces.meta.cosi.dev").all_aliases(),
        [
            "namespaces",
            "namespaces.meta",
            "namespaces.meta.cosi",
            "ns",
            "namespace"
        ]
    );
}

#[test]
fn automatic_aliases_follow_the_rule() {
    for definition in definitions() {
        let lower = definition.display_type.to_lowercase();
        // Its automatic aliases would be those of another type.
        if definition.type_name == "MountStatuses.runtime.talos.dev" {
            continue;
        }
        assert!(
            definition.aliases.contains(&lower.as_str()),
            "{definition:?}"
        );
        let capitals = definition
            .display_type
            .chars()
            .filter(char::is_ascii_uppercase);
        let short: String = capitals.collect::<String>().to_lowercase();
        if short.len() > 1 {
            assert!(
                definition.aliases.contains(&short.as_str()),
                "{definition:?}"
            );
        }
        if short.len() > 1 && !short.ends_with('s') {
            let plural = format!("{short}s");
            assert!(
                definition.aliases.contains(&plural.as_str()),
                "{definition:?}"
            );
        }
    }
}

#[test]
fn names_are_matched_in_any_case() {
    let names = |name: &str| -> Vec<&str> {
        definitions_by_alias(name)
            .iter()
            .map(|each| each.type_name)
            .collect()
    };
    assert_eq!(names("Members.Cluster"), ["Members.cluster.talos.dev"]);
    assert_eq!(
        names("members.cluster.talos.dev"),
        ["Members.cluster.talos.dev"]
    );
    assert_eq!(names("LINKS"), ["LinkStatuses.net.talos.dev"]);
    assert!(names("ms").len() > 1);
    assert!(names("nothing").is_empty());
}

#[test]
fn definitions_become_resources_with_lower_case_ids() {
    let all = definition_resources();
    let addresses = all
        .iter()
        .find(|each| each.id() == "addressstatuses.net.talos.dev")
        .unwrap();
    let yaml = "\
type: AddressStatuses.net.talos.dev
displayType: AddressStatus
defaultNamespace: network
aliases:
    - address
    - addresses
    - addressstatus
    - as
allAliases:
    - addressstatuses
    - addressstatuses.net
    - addressstatuses.net.talos
    - address
    - addresses
    - addressstatus
    - as
printColumns:
    - name: Address
      jsonPath: '{.address}'
    - name: Link
      jsonPath: '{.linkName}'
";
    assert_eq!(ichor_yaml::to_string(addresses.value()).unwrap(), yaml);
    assert!(crate::is_namespace("network-config"));
    let namespaces = crate::namespace_resources();
    assert!(namespaces.is_sorted_by(|one, next| one.id() < next.id()));
}

#[test]
fn typed_specs_agree_with_their_definitions() {
    #[track_caller]
    fn check<S: Spec>() {
        let definition = find_definition(S::TYPE).unwrap();
        assert_eq!(definition.default_namespace, S::NAMESPACE, "{}", S::TYPE);
        assert!(crate::is_namespace(S::NAMESPACE));
    }
    macro_rules! check_all {
        ($($module:ident: $($name:ident)*;)*) => { $($(check::<specs::$module::$name>();)*)* };
    }
    specs::each_spec!(check_all);
}
