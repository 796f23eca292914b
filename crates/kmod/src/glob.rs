//! Patterns of module aliases: `*`, `?` and `[...]`, as in fnmatch(3) without flags.

/// Whether a pattern matches the whole of a text.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where the last `*` began, to go on from there when what follows does not match.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        match step(pattern, text) {
            Some((next_pattern, next_text)) => (pattern, text) = (next_pattern, next_text),
            None if pattern.is_empty() && text.is_empty() => return true,
            None => match retry {
                Some((after_star, [_, rest @ ..])) => {
                    (pattern, text) = (after_star, rest);
                    retry = Some((after_star, rest));
                }
                _ => return false,
            },
        }
    }
}

/// Matches one character; `None` when it does not match.
fn step<'a>(pattern: &'a [u8], text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (character, text_rest) = text.split_first()?;
    match pattern {
        [b'?', rest @ ..] => Some((rest, text_rest)),
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b']')?;
            let (set, after) = rest.split_at_checked(end)?;
            in_set(set, *character).then(|| (after.get(1..).unwrap_or_default(), text_rest))
        }
        [literal, rest @ ..] => (literal == character).then_some((rest, text_rest)),
        [] => None,
    }
}

pub(crate) fn in_set(set: &[u8], character: u8) -> bool {
    let mut rest = set;
    loop {
        match rest {
            [from, b'-', to, after @ ..] => {
                if (*from..=*to).contains(&character) {
                    return true;
                }
                rest = after;
            }
            [one, after @ ..] => {
                if *one == character {
                    return true;
                }
                rest = after;
            }
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn matches_as_the_aliases_of_devices_need_it() {
        let cases = [
            ("virtio:d00000001v*", "virtio:d00000001v00001AF4", true),
            ("virtio:d00000001v*", "virtio:d00000002v00001AF4", false),
            (
                "pci:v00008086d*sv*sd*bc02sc00i*",
                "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00",
                true,
            ),
            (
                "usb:v*p*d*dc*dsc*dp*ic08isc0[2-6]ip50in*",
                "usb:v1p1d1dc00dsc00dp00ic08isc06ip50in00",
                true,
            ),
            ("usb:ic08isc0[2-6]ip50", "usb:ic08isc07ip50", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("", "", true),
            ("a", "", false),
            ("[", "[", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        let pattern = "*a".repeat(30);
        let text = "a".repeat(29);
        assert!(!matches(pattern.as_bytes(), text.as_bytes()));
    }
}
