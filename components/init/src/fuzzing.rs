//! What the fuzz tests call.

/// The argument that says what the root file system must be.
pub fn verity(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(protection) = crate::verity::parse(&text) {
        let target = protection.target(std::path::Path::new("/dev/loop0"));
        assert!(target.sectors > 0);
        // Parameters are separated by blanks: none may come from outside.
        let words = target.parameters.split(' ').count();
        assert_eq!(words, 13, "{}", target.parameters);
    }
}
