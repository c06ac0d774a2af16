//! The original's `.pt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    wolfgang_fuzzed::run("pytorch", input);
});
