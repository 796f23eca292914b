//! What the fuzz tests call: patterns and indices.

use crate::glob;
use crate::index::Index;

/// How long pattern and text of the slow comparison may be.
const SLOW_BYTES_MAX: usize = 24;

/// A pattern and a text, separated by a line feed, against a slow and obvious comparison.
pub fn glob(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let (pattern, text) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let found = glob::matches(pattern, text);
    if pattern.len() <= SLOW_BYTES_MAX && text.len() <= SLOW_BYTES_MAX {
        assert_eq!(found, slow(pattern, text));
    }
}

fn slow(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        // Or many of them would take for ever.
        ([b'*', rest @ ..], _) if rest.first() == Some(&b'*') => slow(rest, text),
        ([b'*', rest @ ..], _) => {
            (0..=text.len()).any(|skip| slow(rest, text.get(skip..).unwrap_or_default()))
        }
        (_, []) => false,
        ([b'?', pattern @ ..], [_, text @ ..]) => slow(pattern, text),
        ([b'[', set @ ..], [character, text @ ..]) => {
            let Some(end) = set.iter().position(|byte| *byte == b']') else {
                return false;
            };
            let (set, after) = set.split_at(end);
            glob::in_set(set, *character) && slow(after.get(1..).unwrap_or_default(), text)
        }
        ([literal, pattern @ ..], [character, text @ ..]) => {
            literal == character && slow(pattern, text)
        }
    }
}

/// The three indices, separated by lines of `--`, and at last names to look up.
pub fn index(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(4, "\n--\n");
    let mut next = || parts.next().unwrap_or_default();
    let index = Index::parse(next(), next(), next());
    for wanted in next().lines().take(4) {
        for name in index.resolve(wanted) {
            let mut plan = index.plan(&name);
            let all = plan.len();
            plan.sort();
            plan.dedup();
            assert_eq!(
                plan.len(),
                all,
                "{name} is loaded after modules that come once"
            );
        }
    }
}
