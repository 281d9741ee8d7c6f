//! Every body over its committed corpus, and over inputs made from it by a seed: what a machine
//! without a fuzzer can do. `PACKETBOAT_FUZZ_SEED` and `PACKETBOAT_FUZZ_SECONDS` choose others and
//! more; `PACKETBOAT_FUZZ_INPUT` (hex) is one input alone. Must never pass without a corpus.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test crate has no outside")]

use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use packetboat_fuzz::mutation::Dice;
use packetboat_fuzz::targets::{self, TARGETS, Target};

/// The seed unless another is asked for: the same for every run of `cargo test`.
const SEED: u64 = 7_582;
/// How long each body is run on inputs that are made, unless told otherwise.
const TIME: Duration = Duration::from_millis(1_500);
/// Inputs made at most in that time.
const INPUTS_MAX: u64 = 20_000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

/// The corpus of a target, in order of name.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str) -> Option<u64> {
    variable(name).map(|value| value.parse().unwrap())
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Runs a body; when it panics, says on what and how to do it again.
fn run(target: &Target, input: &[u8], origin: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let hex = input.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        eprintln!(
            "the body of {name} broke on {origin}; do it again with\n  \
             PACKETBOAT_FUZZ_INPUT={hex} cargo test -p packetboat-fuzz --test corpus {name}",
            name = target.name
        );
        resume_unwind(panic);
    }
}

fn replay_and_mutate(name: &str) {
    let target = targets::named(name).unwrap();
    if let Some(input) = variable("PACKETBOAT_FUZZ_INPUT") {
        return run(target, &unhex(&input), "the input given");
    }
    let corpus = corpus(name);
    assert!(corpus.len() >= 10, "{name} has a corpus");
    for (path, input) in &corpus {
        run(target, input, &path.display().to_string());
    }
    let corpus: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    let first = number("PACKETBOAT_FUZZ_SEED").unwrap_or(SEED);
    let seconds = number("PACKETBOAT_FUZZ_SECONDS");
    let time = seconds.map_or(TIME, Duration::from_secs);
    let most = if seconds.is_some() { u64::MAX } else { INPUTS_MAX };
    let started = Instant::now();
    let mut made = 0;
    while made < most && started.elapsed() < time {
        let seed = first.wrapping_add(made);
        let input = Dice::new(seed).input(&corpus, target.bytes_max);
        run(target, &input, &format!("what PACKETBOAT_FUZZ_SEED={seed} makes first"));
        made += 1;
    }
    println!("{name}: {} of the corpus, {made} made from seed {first}", corpus.len());
}

macro_rules! bodies {
    ($($name:ident)*) => {
        /// The names that the tests below are of.
        const TESTED: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            replay_and_mutate(stringify!($name));
        })*
    };
}

bodies! { frames packets round_trip flow ledger store_codecs tokens config }

#[test]
fn every_target_has_a_test_a_corpus_and_a_binary() {
    let named: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(named, TESTED);
    let folders = fs::read_dir(folder("")).unwrap();
    assert_eq!(folders.count(), TARGETS.len(), "a folder for each, and no other");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("cargo-fuzz/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    for name in named {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is a binary");
    }
}

#[test]
fn the_corpora_are_small_enough_to_be_kept() {
    const BYTES_MAX: usize = 300 * 1024;
    let inputs = TARGETS.iter().flat_map(|target| corpus(target.name));
    let total: usize = inputs.map(|(_, input)| input.len()).sum();
    assert!(total <= BYTES_MAX, "{total} bytes");
}
