//! `packetboat_fuzz::frames` for libFuzzer. Must never hold more than the call.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| packetboat_fuzz::frames::run(data));
