//! docs/migrating-from-python.md: its commands work. Its Rust is compiled with the documents' other
//! examples.

use crate::documents::readme::words;
use crate::fixtures::{json, repository, wolfgang};
use serde::Deserialize;

/// The commands that generate, in their order, for the Faust model.
fn commands() -> Vec<Vec<String>> {
    let document = repository("docs/migrating-from-python.md");
    let document = std::fs::read_to_string(document).unwrap();
    let model = " --model ckpt.pt --tokenizer tokenizer.json";
    let lines = document.lines();
    let commands = lines.filter_map(|line| line.strip_prefix("wolfgang generate"));
    commands
        .map(|arguments| {
            assert!(arguments.contains(model), "{arguments}");
            words(&arguments.replace(model, ""))
        })
        .collect()
}

fn text(arguments: &[String]) -> String {
    let mut command = wolfgang();
    command
        .args(["generate", "--device", "flex"])
        .args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn commands_of_the_guide_work() {
    let commands = commands();
    assert_eq!(commands.len(), 6, "{commands:?}");
    for mut arguments in commands {
        // A few tokens show as much as a hundred.
        if !arguments
            .iter()
            .any(|argument| argument == "--max-new-tokens")
        {
            arguments.extend(["--max-new-tokens".to_owned(), "8".to_owned()]);
        }
        assert!(!text(&arguments).is_empty());
    }
}

#[derive(Deserialize)]
struct Run {
    prompt: String,
    text: String,
    seed: u64,
}

/// With another prompt and seed than it shows, for which the original's text is known.
#[test]
fn the_seed_of_the_guide_gives_the_originals_text() {
    let run = json::<Vec<Run>>("faust/seeded.json").remove(1);
    let mut arguments = commands().pop().unwrap();
    arguments[0] = run.prompt;
    let seed = arguments.iter().position(|argument| argument == "--seed");
    arguments[seed.unwrap() + 1] = run.seed.to_string();
    // As many as the original's default has of the longer text.
    let shorter = text(&arguments);
    assert!(shorter.len() > 200, "{shorter}");
    assert!(run.text.starts_with(&shorter), "{shorter}");
}
