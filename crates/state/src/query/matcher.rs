//! A query made ready for many comparisons.

use ichor_resource::{AnyResource, Labels};
use regex_lite::Regex;

use super::{LabelOp, LabelQuery, LabelTerm, Query};
use crate::StateError;

/// A checked query with its regular expression compiled.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    labels: Vec<LabelQuery>,
    id: Option<Regex>,
}

impl Matcher {
    /// Compiles a query.
    ///
    /// # Errors
    /// [`StateError::Invalid`] when the regular expression is none, or a term lacks its value.
    pub fn new(query: &Query) -> Result<Self, StateError> {
        for term in query.labels.iter().flat_map(|labels| &labels.terms) {
            if term.values.is_empty() && !matches!(term.op, LabelOp::Exists | LabelOp::In) {
                return Err(StateError::Invalid(format!(
                    "label_query: the term on {:?} has no value",
                    term.key
                )));
            }
        }
        let id = query
            .id_regexp
            .as_deref()
            .map(Regex::new)
            .transpose()
            .map_err(|error| StateError::Invalid(format!("id_query.regexp: {error}")))?;
        Ok(Self {
            labels: query.labels.clone(),
            id,
        })
    }

    /// Whether the resource is one of those wanted.
    pub fn matches(&self, resource: &AnyResource) -> bool {
        let metadata = &resource.metadata;
        let id = |regex: &Regex| regex.is_match(&metadata.id);
        self.id.as_ref().is_none_or(id) && self.labels_match(&metadata.labels)
    }

    fn labels_match(&self, labels: &Labels) -> bool {
        let all = |query: &LabelQuery| query.terms.iter().all(|term| term_matches(term, labels));
        self.labels.is_empty() || self.labels.iter().any(all)
    }
}

fn term_matches(term: &LabelTerm, labels: &Labels) -> bool {
    let stored = labels.get(&term.key);
    if term.op == LabelOp::Exists {
        return stored.is_some() != term.invert;
    }
    stored
        .and_then(|stored| compare(term, stored))
        .is_some_and(|holds| holds != term.invert)
}

/// `None` when the two cannot be compared, which never matches.
fn compare(term: &LabelTerm, stored: &str) -> Option<bool> {
    if term.op == LabelOp::In {
        return Some(term.values.iter().any(|value| value == stored));
    }
    let wanted = term.values.first()?.as_str();
    Some(match term.op {
        LabelOp::Exists | LabelOp::In => return None,
        LabelOp::Equal => stored == wanted,
        LabelOp::Less => stored < wanted,
        LabelOp::LessOrEqual => stored <= wanted,
        LabelOp::LessNumeric => number(stored)? < number(wanted)?,
        LabelOp::LessOrEqualNumeric => number(stored)? <= number(wanted)?,
    })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(op: LabelOp, values: &[&str], invert: bool) -> LabelTerm {
        LabelTerm {
            key: "key".into(),
            op,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            invert,
        }
    }

    fn labels(value: Option<&str>) -> Labels {
        value
            .map(|value| ("key".to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    }

    #[test]
    fn compares_labels_by_every_operator() {
        use LabelOp::{Equal, Exists, In, Less, LessNumeric, LessOrEqual, LessOrEqualNumeric};
        type Row = (
            LabelOp,
            &'static [&'static str],
            bool,
            Option<&'static str>,
            bool,
        );
        let table: &[Row] = &[
            (Exists, &[], false, Some(""), true),
            (Exists, &[], false, None, false),
            (Exists, &[], true, None, true),
            (Equal, &["a"], false, Some("a"), true),
            (Equal, &["a"], true, Some("a"), false),
            (Equal, &["a"], true, Some("b"), true),
            (Equal, &["a"], true, None, false),
            (In, &["a", "b"], false, Some("b"), true),
            (In, &["a", "b"], true, Some("c"), true),
            (In, &["a", "b"], true, None, false),
            (Less, &["9"], false, Some("10"), true),
            (LessNumeric, &["9"], false, Some("10"), false),
            (LessNumeric, &["10"], false, Some("9"), true),
            (LessNumeric, &["10"], false, Some("10"), false),
            (LessOrEqual, &["10"], false, Some("10"), true),
            (LessOrEqualNumeric, &["10"], false, Some("10"), true),
            (LessNumeric, &["10"], true, Some("ten"), false),
        ];
        for (op, values, invert, stored, expected) in table {
            assert_eq!(
                term_matches(&term(*op, values, *invert), &labels(*stored)),
                *expected,
                "{op:?} {values:?} invert={invert} on {stored:?}"
            );
        }
    }

    #[test]
    fn refuses_a_bad_regexp_and_a_term_without_value() {
        let bad = Query {
            id_regexp: Some("(".into()),
            ..Query::default()
        };
        assert!(matches!(Matcher::new(&bad), Err(StateError::Invalid(_))));
        let bad = Query {
            labels: vec![LabelQuery {
                terms: vec![term(LabelOp::Equal, &[], false)],
            }],
            ..Query::default()
        };
        assert!(matches!(Matcher::new(&bad), Err(StateError::Invalid(_))));
    }
}
