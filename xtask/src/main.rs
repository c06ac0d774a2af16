//! The chores of this project: `cargo xtask …`.

fn main() -> std::process::ExitCode {
    xtask::main()
}
