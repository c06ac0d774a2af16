//! The `wolfgang` command, for the tests.

fn main() -> std::process::ExitCode {
    wolfgang_cli::main()
}
