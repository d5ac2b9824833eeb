#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| leptos_isr::fuzzing::purge(body));
