//! `packetboat_fuzz::flow` for libFuzzer. Must never hold more than the call.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| packetboat_fuzz::flow::run(data));
