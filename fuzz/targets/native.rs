//! Native checkpoints.
#![no_main]

libfuzzer_sys::fuzz_target!(init: wolfgang_fuzzed::contained(), |input: &[u8]| {
    wolfgang_fuzzed::run("native", input);
});
