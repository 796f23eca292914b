//! Paths in the kernel's tables of mounts.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The path that a word stands for: white space and backslashes are written as three octal digits.
/// Its bytes need not be UTF-8.
///
/// Source: getmntent(3), proc_pid_mountinfo(5).
pub(crate) fn unescape(word: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let code = match (first, after.split_first_chunk()) {
            (b'\\', Some((digits, after))) => octal(*digits).map(|code| (code, after)),
            _ => None,
        };
        let (byte, after) = code.unwrap_or((*first, after));
        plain.push(byte);
        rest = after;
    }
    OsString::from_vec(plain).into()
}

fn octal(digits: [u8; 3]) -> Option<u8> {
    digits.into_iter().try_fold(0_u8, |code, digit| {
        let value = char::from(digit).to_digit(8)?;
        code.checked_mul(8)?.checked_add(u8::try_from(value).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn only_three_octal_digits_stand_for_a_byte() {
        let table: [(&[u8], &[u8]); 6] = [
            (b"/a\\040b\\134c", b"/a b\\c"),
            (b"/\\011\\012", b"/\t\n"),
            (b"/\\303\\244\xff", b"/\xc3\xa4\xff"),
            (b"/\\400\\+12\\09x", b"/\\400\\+12\\09x"),
            (b"/end\\04", b"/end\\04"),
            (b"", b""),
        ];
        for (word, path) in table {
            assert_eq!(unescape(word).as_os_str().as_bytes(), path);
        }
    }
}
