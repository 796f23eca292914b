//! Which resources of a kind are wanted.

mod matcher;

pub use matcher::Matcher;

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelOp {
    /// The label is there.
    Exists,
    /// It has the first value.
    Equal,
    /// It has one of the values.
    In,
    /// It is less than the first value, as text.
    Less,
    /// It is less than or equal to the first value, as text.
    LessOrEqual,
    /// It is less than the first value, as a whole number with an optional unit such as `GiB`.
    LessNumeric,
    /// It is less than or equal to the first value, as a number.
    LessOrEqualNumeric,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTerm {
    /// The label.
    pub key: String,
    /// The comparison.
    pub op: LabelOp,
    /// What it is compared with.
    pub values: Vec<String>,
    /// Turns the result round. A missing label is never less nor greater, inverted or not.
    pub invert: bool,
}

/// Conditions that must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelQuery {
    /// The conditions.
    pub terms: Vec<LabelTerm>,
}

/// Which resources of a kind are wanted; the default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// At least one must hold, when there are any.
    pub labels: Vec<LabelQuery>,
    /// Regular expression (RE2 syntax) found in the id.
    pub id_regexp: Option<String>,
}
