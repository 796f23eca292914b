//! The processor must have what the programs in the image are compiled for.

use crate::error::Stage1Error;

/// # Errors
/// [`Stage1Error::Processor`] names the first thing that is missing of x86-64-v2.
pub(crate) fn check() -> Result<(), Stage1Error> {
    #[cfg(target_arch = "x86_64")]
    {
        let features = [
            ("SSE3", std::arch::is_x86_feature_detected!("sse3")),
            ("SSSE3", std::arch::is_x86_feature_detected!("ssse3")),
            ("SSE4.1", std::arch::is_x86_feature_detected!("sse4.1")),
            ("SSE4.2", std::arch::is_x86_feature_detected!("sse4.2")),
            ("POPCNT", std::arch::is_x86_feature_detected!("popcnt")),
            (
                "CMPXCHG16B",
                std::arch::is_x86_feature_detected!("cmpxchg16b"),
            ),
        ];
        if let Some((name, _)) = features.iter().find(|(_, present)| !present) {
            return Err(Stage1Error::Processor(name));
        }
    }
    Ok(())
}
