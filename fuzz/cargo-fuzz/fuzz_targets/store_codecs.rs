//! `packetboat_fuzz::store_codecs` for libFuzzer. Must never hold more than the call.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| packetboat_fuzz::store_codecs::run(data));
