#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reliability::hostile::HARNESSES[1].1(data));
