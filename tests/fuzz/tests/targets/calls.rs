//! Calls every target with its corpus and with changes of it.
//!
//! The inputs are the same each time. `ICHOR_FUZZ_SEED` is a number that leads to others, and
//! `ICHOR_FUZZ_TIMES` to so many times as many.

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use ichor_fuzz::{TARGETS, Target, find, mutate};

/// One in so many inputs is random from the beginning to the end.
const RANDOM_EVERY: u64 = 8;

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(find(stringify!($name)).expect("a target of that name")); })*

        #[test]
        fn no_target_is_forgotten() {
            let tested = [$(stringify!($name)),*];
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, tested);
        }
    };
}

targets! {
    acpi_event alias_pattern authenticode bookmark certificate client_frames cmdline device_event dhcp_client
    dhcp_packet efi_text elf fat handover hub_frame image image_texts jsonpath kmsg lock_file
    message_lengths method_path modules_index netlink node_address notices partition_table probe_frame proc qmp smbios spec state_event
    state_query state_resource state_status sysctl sysfs uevent uki variable_store verity yaml
}

fn check(target: &Target) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "{} has no corpus", target.name);
    corpus.iter().for_each(|input| call(target, input));
    let seed = number("ICHOR_FUZZ_SEED", 0);
    let times = number("ICHOR_FUZZ_TIMES", 1);
    let mut random = Rng::with_seed(seed);
    for number in 0..u64::from(target.tries) * times {
        let mut input = Vec::new();
        if number % RANDOM_EVERY == 0 {
            input.resize_with(random.usize(..64), || random.u8(..));
        } else {
            input.extend_from_slice(random.choice(&corpus).expect("a corpus"));
            mutate(&mut input, &corpus, target.bytes_max, &mut random);
        }
        call(target, &input);
    }
}

/// A number that people may choose.
fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().expect(variable))
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name);
    let entries = fs::read_dir(&directory).expect("a directory of inputs");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("an input"))
        .collect()
}

/// An input that fails is kept, so that it can be looked at and put into the corpus.
fn call(target: &Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(target.name);
        fs::write(&path, input).expect("write the input");
        eprintln!(
            "the input is {}; move it to corpus/{}",
            path.display(),
            target.name
        );
        std::panic::resume_unwind(panic);
    }
}
