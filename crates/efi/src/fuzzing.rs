//! What the fuzz tests call.

/// The content of a variable that holds a text.
pub fn text(input: &[u8]) {
    if let Some(text) = crate::parse_text(input) {
        assert!(!text.contains('\0') && text.len() <= input.len() * 2);
    }
}
