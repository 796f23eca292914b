//! Specs of resources, in their binary form.

use ichor_resource::{definitions, specs};
use serde_json::Value;
use serde_saphyr::options::NonFiniteFloatPolicy;

/// A byte that chooses the type, and the spec.
pub(crate) fn spec(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    let types = definitions();
    let Some(definition) = types.get(usize::from(*choice) % types.len()) else {
        return;
    };
    let type_name = definition.type_name;
    let Some(Ok(spec)) = specs::decode(type_name, bytes) else {
        return;
    };
    // As texts, because some have numbers that are not equal to themselves.
    let again = specs::decode(type_name, &spec.proto());
    let again = again.and_then(Result::ok).map(|again| format!("{again:?}"));
    assert_eq!(again, Some(format!("{spec:?}")));
    let yaml = spec.yaml();
    let options = serde_saphyr::options! {
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
    };
    let parsed: Result<Value, _> = serde_saphyr::from_str_with_options(&yaml, options);
    assert!(parsed.is_ok(), "{type_name}: {yaml:?}: {parsed:?}");
}
