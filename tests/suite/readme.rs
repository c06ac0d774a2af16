//! The README's commands do what it says, and print what it shows.

use crate::fixtures::{repository, wolfgang, xtask};

/// The text between the fences of each block that begins with "```console".
fn console_blocks() -> Vec<String> {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let blocks = readme.split("```console\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// The arguments of a command line as a shell would split it, for double quotes only.
fn words(line: &str) -> Vec<String> {
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
    let blocks = console_blocks();
    let (line, shown) = blocks[0].split_once('\n').unwrap();
    let args = words(line.strip_prefix("$ cargo run --release -- ").unwrap());
    let output = wolfgang().args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.trim_end(), shown.trim_end());
}

#[test]
fn the_second_command_is_the_one_that_ci_runs() {
    let blocks = console_blocks();
    let line = blocks[1]
        .lines()
        .next()
        .unwrap()
        .strip_prefix("$ ")
        .unwrap();
    assert_eq!(line, "cargo test --workspace");
    let script = std::fs::read_to_string(repository(".ci/run")).unwrap();
    assert!(script.lines().any(|l| l == "cargo xtask ci"), "{script}");
    let output = xtask().args(["ci", "--list"]).output().unwrap();
    let steps = String::from_utf8(output.stdout).unwrap();
    let mut commands = steps.lines().filter_map(|step| step.split_once(' '));
    assert!(
        commands.any(|(_, command)| command.trim() == line),
        "{steps}"
    );
}
