//! A text does not depend on how it was requested.

use crate::fixtures::xtask;

/// The check of `cargo xtask check-determinism`, with few prompts.
#[test]
fn requests_give_the_same_text_however_they_are_sent() {
    let mut check = xtask();
    check.args(["check-determinism", "--prompts", "4", "--wolfgang"]);
    let output = check
        .arg(env!("CARGO_BIN_EXE_wolfgang-under-test"))
        .output();
    let output = output.unwrap();
    let [found, message] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{message}");
    assert!(found.starts_with("generate: 20 texts"), "{found}");
    assert_eq!(found.matches(": identical").count(), 7, "{found}");
}
