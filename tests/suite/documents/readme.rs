//! The commands in the READMEs print what is shown there.

use crate::fixtures::{repository, wolfgang};

/// The text between the fences of each block that begins with "```console".
fn console_blocks(path: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(repository(path)).unwrap();
    let blocks = readme.split("```console\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// The arguments of a command line, split as a shell does, with double quotes only.
pub(crate) fn words(line: &str) -> Vec<String> {
    let pieces = line.split('"').enumerate();
    pieces
        .flat_map(|(i, piece)| match i % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect(),
            _ => vec![piece.to_owned()],
        })
        .collect()
}

/// The text is sampled: on a processor that rounds differently another token may be drawn, rarely.
/// Then use another seed in the README.
#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let blocks = console_blocks("README.md");
    let (line, shown) = blocks[0].split_once('\n').unwrap();
    let args = words(line.strip_prefix("$ cargo run --release -- ").unwrap());
    let output = wolfgang().args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.trim_end(), shown.trim_end());
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
