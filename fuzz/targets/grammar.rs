//! What texts must satisfy.
#![no_main]

// libFuzzer's hook ends the process on every panic, also on those of libraries that our readers contain.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |input: &[u8]| {
    wolfgang_fuzzed::run("grammar", input);
});
