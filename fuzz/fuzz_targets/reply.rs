#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| audit_core::fuzz::reply(data));
