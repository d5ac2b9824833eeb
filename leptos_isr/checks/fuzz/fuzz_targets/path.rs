#![no_main]

libfuzzer_sys::fuzz_target!(|target: &[u8]| leptos_isr::fuzzing::path(target));
