//! What users of the libraries can name changes only on purpose.

use crate::fixtures::xtask;

#[test]
fn the_public_items_are_those_in_docs_and_can_be_extended() {
    let output = xtask().args(["public-api", "--check"]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
}
