//! The part of DER that certificates and signatures need: definite lengths, one-byte tags.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: &[u8] = &[0x05, 0x00];
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// Context-specific and constructed, number 0.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// The bytes are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// The value ends before its length says.
    #[error("the value is cut off")]
    Short,
    /// A length in a form that DER forbids, or above 16 MiB.
    #[error("a length is not in the form that DER demands")]
    Length,
    /// Another type of value.
    #[error("expected tag {expected:#04x}, found {found:#04x}")]
    Tag {
        /// Tag that belongs here.
        expected: u8,
        /// Tag that is here.
        found: u8,
    },
}

/// One value: tag, length, content.
pub(crate) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
        out.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let digits: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
        // At most 8 bytes, so the sum fits.
        out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
        out.extend(digits);
    }
    out.extend_from_slice(content);
    out
}

/// One value that consists of others.
pub(crate) fn nest(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    value(tag, &parts.concat())
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    nest(SEQUENCE, parts)
}

/// `SET OF`, in the order that DER demands.
pub(crate) fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    value(SET, &parts.concat())
}

/// An algorithm without parameters, as RSA and SHA-2 want it: with an explicit NULL.
pub(crate) fn algorithm(oid: &[u8]) -> Vec<u8> {
    sequence(&[&value(OID, oid), NULL])
}

/// One value that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// With tag and length.
    pub(crate) whole: &'a [u8],
}

/// Reads values one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next value of any type, or none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, DerError> {
        let Some((&tag, after_tag)) = self.rest.split_first() else {
            return Ok(None);
        };
        let (length, body) = length(after_tag)?;
        let content = body.get(..length).ok_or(DerError::Short)?;
        let after = body.get(length..).ok_or(DerError::Short)?;
        let size = self.rest.len().saturating_sub(after.len());
        let whole = self.rest.get(..size).ok_or(DerError::Short)?;
        self.rest = after;
        let element = Element {
            tag,
            content,
            whole,
        };
        Ok(Some(element))
    }

    /// The next value, which must have a tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, DerError> {
        let element = self.next()?.ok_or(DerError::Short)?;
        if element.tag == tag {
            return Ok(element);
        }
        Err(DerError::Tag {
            expected: tag,
            found: element.tag,
        })
    }

    /// The next value, when it has a tag; otherwise it stays.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, DerError> {
        if self.rest.first() == Some(&tag) {
            return self.next();
        }
        Ok(None)
    }

    /// A reader of the content of the next value.
    pub(crate) fn enter(&mut self, tag: u8) -> Result<Self, DerError> {
        Ok(Self::new(self.expect(tag)?.content))
    }
}

fn length(bytes: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (&first, rest) = bytes.split_first().ok_or(DerError::Short)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    // Zero is the indefinite form of BER; more than three bytes is above 16 MiB.
    if !(1..=3).contains(&count) {
        return Err(DerError::Length);
    }
    let digits = rest.get(..count).ok_or(DerError::Short)?;
    let length = digits
        .iter()
        .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
    if digits.first() == Some(&0) || length < 0x80 {
        return Err(DerError::Length);
    }
    Ok((length, rest.get(count..).ok_or(DerError::Short)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back() {
        for size in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1 << 20] {
            let bytes = value(OCTET_STRING, &vec![7; size]);
            let mut reader = Reader::new(&bytes);
            let element = reader.expect(OCTET_STRING).unwrap();
            assert_eq!(
                (element.content.len(), element.whole.len()),
                (size, bytes.len())
            );
            assert!(reader.next().unwrap().is_none());
        }
    }

    #[test]
    fn refuses_what_der_forbids() {
        let read = |bytes: &[u8]| Reader::new(bytes).next().unwrap_err();
        assert_eq!(read(&[0x30]), DerError::Short);
        assert_eq!(read(&[0x30, 5, 1]), DerError::Short);
        assert_eq!(read(&[0x30, 0x80, 0, 0]), DerError::Length);
        assert_eq!(read(&[0x30, 0x81, 0x7f]), DerError::Length);
        assert_eq!(read(&[0x30, 0x84, 1, 0, 0, 0]), DerError::Length);
        let tag = Reader::new(&[0x30, 0]).expect(SET).unwrap_err();
        assert_eq!(
            tag,
            DerError::Tag {
                expected: SET,
                found: SEQUENCE
            }
        );
    }

    #[test]
    fn sets_are_sorted() {
        let set = set_of(vec![vec![2, 1, 9], vec![2, 1, 3]]);
        assert_eq!(set, [SET, 6, 2, 1, 3, 2, 1, 9]);
    }
}
