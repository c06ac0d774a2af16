//! `tokenizer.json`, and encoding with what it gave.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    wolfgang_fuzzed::run("tokenizer", input);
});
