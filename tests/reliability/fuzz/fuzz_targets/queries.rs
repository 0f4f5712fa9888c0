#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reliability::hostile::HARNESSES[2].1(data));
