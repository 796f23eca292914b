//! Licence expressions of crates.
//!
//! Source: SPDX specification 2.3, annex D; and `/` for `OR`, as older crates write it.

use std::collections::BTreeSet;

/// Whether a choice of allowed licences fulfils the expression; nothing when it cannot be parsed.
pub(super) fn allows(expression: &str, allowed: &BTreeSet<String>) -> Option<bool> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut parser = Parser {
        words: spaced.split_whitespace().peekable(),
        allowed,
        depth: 0,
    };
    let allows = parser.any()?;
    parser.words.next().is_none().then_some(allows)
}

struct Parser<'a, W: Iterator<Item = &'a str>> {
    words: std::iter::Peekable<W>,
    allowed: &'a BTreeSet<String>,
    depth: usize,
}

/// Real expressions have one level or two.
const DEPTH_MAX: usize = 8;

impl<'a, W: Iterator<Item = &'a str>> Parser<'a, W> {
    fn any(&mut self) -> Option<bool> {
        let mut allows = self.all()?;
        while self.words.next_if_eq(&"OR").is_some() {
            allows |= self.all()?;
        }
        Some(allows)
    }

    fn all(&mut self) -> Option<bool> {
        let mut allows = self.one()?;
        while self.words.next_if_eq(&"AND").is_some() {
            allows &= self.one()?;
        }
        Some(allows)
    }

    fn one(&mut self) -> Option<bool> {
        match self.words.next()? {
            "(" if self.depth < DEPTH_MAX => {
                self.depth += 1;
                let allows = self.any()?;
                self.depth -= 1;
                self.words.next_if_eq(&")")?;
                Some(allows)
            }
            "(" | ")" | "AND" | "OR" | "WITH" => None,
            name => match self.words.next_if_eq(&"WITH") {
                Some(_) => {
                    let exception = self.words.next()?;
                    Some(self.allowed.contains(&format!("{name} WITH {exception}")))
                }
                None => Some(self.allowed.contains(name)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_weighed() {
        let allowed: BTreeSet<_> = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]
            .map(str::to_owned)
            .into();
        for (expression, expected) in [
            ("MIT", Some(true)),
            ("GPL-3.0", Some(false)),
            ("MIT/GPL-3.0", Some(true)),
            ("GPL-3.0 OR ISC", Some(true)),
            ("MIT AND GPL-3.0", Some(false)),
            ("ISC AND (MIT OR GPL-3.0)", Some(true)),
            ("GPL-3.0 OR ISC AND GPL-2.0", Some(false)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("Apache-2.0", Some(false)),
            ("", None),
            ("(MIT", None),
            ("MIT)", None),
            ("MIT ISC", None),
            ("AND MIT", None),
        ] {
            assert_eq!(allows(expression, &allowed), expected, "{expression}");
        }
    }
}
