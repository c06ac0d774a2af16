//! `cargo xtask`, for the tests.

fn main() -> std::process::ExitCode {
    xtask::main()
}
