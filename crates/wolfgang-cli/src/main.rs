//! The `wolfgang` command.

fn main() -> std::process::ExitCode {
    wolfgang_cli::main()
}
