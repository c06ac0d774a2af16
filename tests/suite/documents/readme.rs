//! The commands of the READMEs do what these say, and print what they show.

use crate::fixtures::{repository, wolfgang, xtask};
use std::process::Command;

/// The text between the fences of each block that begins with "```console".
fn console_blocks(path: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(repository(path)).unwrap();
    let blocks = readme.split("```console\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// The arguments of a command line as a shell would split it, for double quotes only.
pub(crate) fn words(line: &str) -> Vec<String> {
    let pieces = line.split('"').enumerate();
    pieces
        .flat_map(|(i, piece)| match i % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect(),
            _ => vec![piece.to_owned()],
        })
        .collect()
}

/// The text is sampled: a processor that rounds otherwise may, rarely, draw another token. Then show another seed.
#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let blocks = console_blocks("README.md");
    let (line, shown) = blocks[0].split_once('\n').unwrap();
    let args = words(line.strip_prefix("$ cargo run --release -- ").unwrap());
    let output = wolfgang().args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.trim_end(), shown.trim_end());
}

/// It runs part of what CI runs, and the tests that it shows are among them.
#[test]
fn the_second_command_runs_the_tests_that_the_readme_shows() {
    let blocks = console_blocks("README.md");
    let (line, shown) = blocks[1].split_once('\n').unwrap();
    let (command, filter) = line.rsplit_once(' ').unwrap();
    assert_eq!(command, "$ cargo test --workspace");

    let tests = Command::new(std::env::current_exe().unwrap())
        .args(["--list", filter])
        .output()
        .unwrap();
    let tests = String::from_utf8(tests.stdout).unwrap();
    let shown = shown
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"));
    let mut found = 0;
    for name in shown {
        let listed = format!("{name}: test");
        assert!(tests.lines().any(|line| line == listed), "{name}");
        found += 1;
    }
    assert!(found > 3, "{blocks:?}");

    let script = std::fs::read_to_string(repository(".ci/run")).unwrap();
    assert!(script.lines().any(|l| l == "cargo xtask ci"), "{script}");
    let output = xtask().args(["ci", "--list"]).output().unwrap();
    let steps = String::from_utf8(output.stdout).unwrap();
    let mut commands = steps.lines().filter_map(|step| step.split_once(' '));
    let command = command.trim_start_matches("$ ");
    assert!(commands.any(|(_, step)| step.trim() == command), "{steps}");
}

/// With the built-in model, whose text is sampled as in the first command above.
#[test]
fn the_commands_of_the_package_page_print_what_it_shows() {
    let blocks = console_blocks("crates/wolfgang-cli/README.md");
    let commands = blocks
        .iter()
        .flat_map(|block| block.split("$ wolfgang ").skip(1));
    let mut found = 0;
    for command in commands {
        let (line, shown) = command.split_once('\n').unwrap();
        let output = wolfgang().args(words(line)).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.trim_end(), shown.trim_end(), "{line}");
        found += 1;
    }
    assert!(found > 1, "{blocks:?}");
}
