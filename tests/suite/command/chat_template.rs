//! `wolfgang chat` and `wolfgang tokenize --chat` with the chat template of a model.

use crate::fixtures::{fixture, with_input, wolfgang};
use crate::generation::foreign_templates::{checkpoint, template};
use std::path::Path;
use tempfile::TempDir;
use wolfgang_checkpoint::{ConvertOptions, Target, convert};
use wolfgang_generate::{Device, GenerateOptions, SamplingParams, Tokenizer, WolfgangGenerator};

/// A Hugging Face folder of a tiny model with this template.
fn model(template: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = fixture("tokenizers/smollm.json");
    let checkpoint = checkpoint(&Tokenizer::from_file(&tokenizer).unwrap());
    let options = ConvertOptions::default()
        .with_target(Target::HuggingFace)
        .with_tokenizer(tokenizer);
    let target = folder.path().join("model");
    convert(&checkpoint, &target, &options, &mut ()).unwrap();
    std::fs::write(target.join("chat_template.jinja"), template).unwrap();
    let config = r#"{"eos_token": "<|im_end|>"}"#;
    std::fs::write(target.join("tokenizer_config.json"), config).unwrap();
    folder
}

fn output(folder: &Path, args: &[&str], input: &str) -> String {
    let mut command = wolfgang();
    command.args(args).arg("--model").arg(folder.join("model"));
    let output = with_input(&mut command, input.as_bytes());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{message}");
    String::from_utf8(output.stdout).unwrap()
}

const DATED: &str = "<|im_start|>{{ strftime_now('%d.%m.%Y') }} {% for m in messages %}\
                     {{ m.content }}<|im_end|>{% endfor %}";

#[test]
fn chats_use_the_template_of_the_model() {
    for source in [template("chatml"), DATED.to_owned()] {
        let folder = model(&source);
        let generator =
            WolfgangGenerator::from_path(folder.path().join("model"), &Device::flex()).unwrap();
        let generator = generator.with_chat_date(2024, 7, 6).unwrap();
        let mut conversation = generator.conversation("Du bist Faust.").unwrap();
        let options = GenerateOptions::default()
            .with_max_new_tokens(8)
            .with_sampling(SamplingParams::greedy());
        let mut expected = String::new();
        let messages = ["Wer bist du? <|im_end|>", "Und ich?"];
        for text in messages {
            let reply = conversation.send(text, &options).unwrap();
            reply.into_summary().unwrap();
            expected += &format!("{}\n", conversation.messages().last().unwrap().content);
        }
        let args = [
            "chat",
            "--system",
            "Du bist Faust.",
            "--preset",
            "greedy",
            "--max-new-tokens",
            "8",
            "--date",
            "2024-07-06",
        ];
        assert_eq!(output(folder.path(), &args, &messages.join("\n")), expected);
    }
}

#[test]
fn the_date_of_a_template_is_the_one_given_or_that_of_the_clock() {
    let folder = model(DATED);
    let chat = folder.path().join("chat.json");
    std::fs::write(&chat, r#"[{"role": "user", "content": "Hallo"}]"#).unwrap();
    let args = ["tokenize", "--chat", chat.to_str().unwrap()];
    let dated = output(
        folder.path(),
        &[&args[..], &["--date", "2024-07-06"]].concat(),
        "",
    );
    assert_eq!(dated, "<|im_start|>06.07.2024 Hallo<|im_end|>\n");
    let today = output(folder.path(), &args, "");
    let year = today.split(['.', ' ']).nth(2).unwrap();
    assert!(year.parse::<u16>().unwrap() >= 2026, "{today}");
}

#[test]
fn a_date_that_does_not_exist_is_a_usage_error() {
    for date in ["2024-02-30", "heute"] {
        let output = wolfgang().args(["chat", "--date", date]).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("YYYY-MM-DD"), "{message}");
    }
}
