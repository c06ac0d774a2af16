//! On macOS, a module for Python must be allowed to leave the symbols of Python undefined.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build script gets its arguments in variables and prints its results"
)]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "macos") {
        println!("cargo::rustc-cdylib-link-arg=-undefined");
        println!("cargo::rustc-cdylib-link-arg=dynamic_lookup");
    }
}
