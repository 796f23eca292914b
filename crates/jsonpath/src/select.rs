//! Following paths.

use std::cell::Cell;
use std::cmp::Ordering;

use serde_json::Value;

use super::{Filter, Operand, Operator, Path, Step, plain};

/// Values that are looked at for one text. Without an end, a short template could ask for more than
/// there is time.
const VALUES_MAX: usize = 1 << 20;

/// One use of a template.
pub(super) struct Walk<'a> {
    root: &'a Value,
    /// How many values may be looked at yet.
    left: Cell<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        let left = Cell::new(VALUES_MAX);
        Self { root, left }
    }

    /// Takes so many values from what is left, or fewer.
    fn take(&self, count: usize) -> usize {
        let taken = count.min(self.left.get());
        self.left.set(self.left.get() - taken);
        taken
    }
}

impl Path {
    /// What is found from a value; nothing where it leads nowhere.
    pub(super) fn select<'a>(&self, walk: &Walk<'a>, current: &'a Value) -> Vec<&'a Value> {
        let start = match self.from_root {
            true => walk.root,
            false => current,
        };
        let mut found = vec![start];
        for step in &self.steps {
            let taken = walk.take(found.len());
            let next = found.into_iter().take(taken);
            let next = next.flat_map(|each| step.follow(walk, each));
            // More are not even gathered.
            found = next.take(walk.left.get()).collect();
            found.truncate(walk.take(found.len()));
        }
        found
    }
}

/// Values that are found as they are asked for.
type Found<'w, 'a> = Box<dyn Iterator<Item = &'a Value> + 'w>;

impl Step {
    fn follow<'w, 'a: 'w>(&'w self, walk: &'w Walk<'a>, value: &'a Value) -> Found<'w, 'a> {
        match (self, value) {
            (Self::Key(key), Value::Object(map)) => Box::new(map.get(key).into_iter()),
            (Self::Index(index), Value::Array(list)) => Box::new(at(list, *index).into_iter()),
            (Self::Slice { from, to, step }, Value::Array(list)) => {
                Box::new(slice(list, *from, *to, *step))
            }
            (Self::Every, _) => Box::new(children(value).into_iter()),
            (Self::Each(steps), _) => {
                let steps = steps.iter();
                Box::new(steps.flat_map(move |step| step.follow(walk, value)))
            }
            (Self::Descend, _) => Box::new(descendants(value).into_iter()),
            (Self::Filter(filter), _) => {
                let found = children(value).into_iter();
                Box::new(found.filter(move |each| filter.accepts(walk, each)))
            }
            _ => Box::new(std::iter::empty()),
        }
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// The value itself, then everything below it. What a node sends may be deeper than a stack.
fn descendants(value: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut waiting = vec![value];
    while let Some(next) = waiting.pop() {
        found.push(next);
        waiting.extend(children(next).into_iter().rev());
    }
    found
}

/// Negative numbers count from the end.
fn position(list: &[Value], index: i64) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_negative) => {
            let back = usize::try_from(index.unsigned_abs()).ok()?;
            list.len().checked_sub(back)
        }
    }
}

fn at(list: &[Value], index: i64) -> Option<&Value> {
    list.get(position(list, index)?)
}

fn slice(
    list: &[Value],
    from: Option<i64>,
    to: Option<i64>,
    step: usize,
) -> impl Iterator<Item = &Value> {
    let place = |index| position(list, index).unwrap_or(0).min(list.len());
    let (from, to) = (from.map_or(0, place), to.map_or(list.len(), place));
    let range = list.get(from..to).unwrap_or_default();
    range.iter().step_by(step.max(1))
}

impl Filter {
    fn accepts<'a>(&self, walk: &Walk<'a>, value: &'a Value) -> bool {
        match self {
            Self::Exists(path) => !path.select(walk, value).is_empty(),
            Self::Compare(left, operator, right) => {
                let (left, right) = (left.find(walk, value), right.find(walk, value));
                match (left, right) {
                    (Some(left), Some(right)) => operator.holds(left, right),
                    _ => false,
                }
            }
        }
    }
}

impl Operand {
    fn find<'a>(&'a self, walk: &Walk<'a>, value: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Path(path) => path.select(walk, value).into_iter().next(),
            Self::Value(value) => Some(value),
        }
    }
}

impl Operator {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let order = order(left, right);
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// Numbers by size, text by letters; others are equal or have no order. A number may be compared
/// with its text: YAML leaves open which of the two is meant.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ if left.is_string() && right.is_string() => left.as_str().cmp(&right.as_str()).into(),
        _ => (plain(left) == plain(right)).then_some(Ordering::Equal),
    }
}
