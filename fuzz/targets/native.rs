//! Native checkpoints.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    wolfgang_fuzzed::run("native", input);
});
