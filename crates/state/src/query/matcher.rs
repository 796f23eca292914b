//! A query made ready for many comparisons.

use ichor_resource::{AnyResource, Labels};
use regex_lite::{Regex, RegexBuilder};

use super::{LabelOp, LabelQuery, LabelTerm, Query};
use crate::StateError;

/// How long a regular expression may be.
const MAX_REGEXP_BYTES: usize = 128;
/// How much memory a compiled one may take, enough for the longest without repetitions: comparing
/// takes time in proportion to it for each character of each id, in PID 1.
const MAX_COMPILED_BYTES: usize = 40 * MAX_REGEXP_BYTES;
/// How many terms and values a query may have.
const MAX_QUERY_PARTS: usize = 256;

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
        let mut parts = 0;
        for term in query.labels.iter().flat_map(|labels| &labels.terms) {
            if term.values.is_empty() && !matches!(term.op, LabelOp::Exists | LabelOp::In) {
                return Err(StateError::Invalid(format!(
                    "label_query: the term on {:?} has no value",
                    term.key
                )));
            }
            parts += 1 + term.values.len();
        }
        if parts.max(query.labels.len()) > MAX_QUERY_PARTS {
            return Err(StateError::Invalid(format!(
                "label_query: more than {MAX_QUERY_PARTS} terms and values"
            )));
        }
        Ok(Self {
            labels: query.labels.clone(),
            id: query.id_regexp.as_deref().map(compile).transpose()?,
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

fn compile(regexp: &str) -> Result<Regex, StateError> {
    let invalid =
        |reason: &dyn std::fmt::Display| StateError::Invalid(format!("id_query.regexp: {reason}"));
    if regexp.len() > MAX_REGEXP_BYTES {
        return Err(invalid(&format!("is longer than {MAX_REGEXP_BYTES} bytes")));
    }
    let mut builder = RegexBuilder::new(regexp);
    let compiled = builder.size_limit(MAX_COMPILED_BYTES).build();
    compiled.map_err(|error| invalid(&error))
}

fn term_matches(term: &LabelTerm, labels: &Labels) -> bool {
    holds(term, labels.get(&term.key)).is_some_and(|holds| holds != term.invert)
}

/// `None` when the two cannot be compared, which never matches, inverted or not.
fn holds(term: &LabelTerm, stored: Option<&String>) -> Option<bool> {
    let equal = |value: &String| stored == Some(value);
    let wanted = term.values.first();
    Some(match term.op {
        LabelOp::Exists => stored.is_some(),
        LabelOp::Equal => wanted.is_some_and(equal),
        LabelOp::In => term.values.iter().any(equal),
        LabelOp::Less => stored? < wanted?,
        LabelOp::LessOrEqual => stored? <= wanted?,
        LabelOp::LessNumeric => number(stored?)? < number(wanted?)?,
        LabelOp::LessOrEqualNumeric => number(stored?)? <= number(wanted?)?,
    })
}

/// A whole number with an optional unit: `k`, `m`, `g`, `t`, `p` for powers of 1000, the same with
/// an `i` for powers of 1024, in any case and with anything after it, such as `4GiB`.
fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-');
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim().to_lowercase();
    let mut letters = unit.chars();
    let power = match letters.next() {
        None => 0,
        Some('k') => 1,
        Some('m') => 2,
        Some('g') => 3,
        Some('t') => 4,
        Some('p') => 5,
        Some(_) => return None,
    };
    let base: i64 = if letters.next() == Some('i') {
        1024
    } else {
        1000
    };
    digits.parse::<i64>().ok()?.checked_mul(base.pow(power))
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
            (Equal, &["a"], true, None, true),
            (In, &["a", "b"], false, Some("b"), true),
            (In, &["a", "b"], true, Some("c"), true),
            (In, &["a", "b"], true, None, true),
            (Less, &["9"], true, None, false),
            (Less, &["9"], false, Some("10"), true),
            (LessNumeric, &["9"], false, Some("10"), false),
            (LessNumeric, &["10"], false, Some("9"), true),
            (LessNumeric, &["10"], false, Some("10"), false),
            (LessOrEqual, &["10"], false, Some("10"), true),
            (LessOrEqualNumeric, &["10"], false, Some("10"), true),
            (LessNumeric, &["10"], true, Some("ten"), false),
            (LessNumeric, &["10"], true, None, false),
            (LessNumeric, &["1GiB"], false, Some("1000 MB"), true),
            (LessNumeric, &["1 gb"], false, Some("1Gi"), false),
            (LessNumeric, &["0"], false, Some("-1k"), true),
            (LessNumeric, &["9P"], false, Some("99999P"), false),
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
    fn refuses_what_would_take_long() {
        let regexp = |text: String| Query {
            id_regexp: Some(text),
            ..Query::default()
        };
        let terms = |count| Query {
            labels: vec![LabelQuery {
                terms: vec![term(LabelOp::Equal, &["a"], false); count],
            }],
            ..Query::default()
        };
        let labels = |count| Query {
            labels: vec![LabelQuery::default(); count],
            ..Query::default()
        };
        for (fits, too_much) in [
            (regexp("a".repeat(128)), regexp("a".repeat(129))),
            (regexp("(a{9}){9}".into()), regexp("(a{99}){99}".into())),
            (regexp("(?:.?){20}#".into()), regexp("(?:.?){500}#".into())),
            (terms(128), terms(129)),
            (labels(256), labels(257)),
        ] {
            assert!(Matcher::new(&fits).is_ok());
            let refused = Matcher::new(&too_much);
            assert!(
                matches!(refused, Err(StateError::Invalid(_))),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn takes_ordinary_regexps() {
        for regexp in [
            "^(eth|ens)[0-9]+$",
            "^(en[opsx]|eth|wl|br|bond)[0-9a-f]+(\\.[0-9]{1,4})?/(inet4|inet6)/",
            "^[0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}$",
            "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
            "(?i)^/var/lib/(kubelet|etcd)/[^/]+\\.ya?ml$",
            "^kube-system/(kube-(apiserver|scheduler|controller-manager|proxy)|coredns)-[-a-z0-9]+$",
        ] {
            let query = Query {
                id_regexp: Some(regexp.into()),
                ..Query::default()
            };
            assert!(Matcher::new(&query).is_ok(), "{regexp}");
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
