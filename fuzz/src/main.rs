//! Hands the target that `ICHOR_FUZZ_TARGET` names to libFuzzer.
#![no_main]

use std::sync::OnceLock;

use ichor_fuzz::{Target, find};
use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("ICHOR_FUZZ_TARGET").unwrap_or_default();
        match find(&name) {
            Some(target) => drop(TARGET.set(target)),
            None => panic!("ICHOR_FUZZ_TARGET names no target: {name:?}"),
        }
    },
    |input: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(input);
        }
    }
);
