//! Chat templates: the texts of Jinja2 as transformers configures it, and no control token from the
//! text of a message.

use crate::fixtures::{faust, json, repository};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, Target, convert};
use wolfgang_tokenize::{
    ChatTemplate, Message, RenderedChat, Role, SpecialTokens, Tokenizer, TokenizerError,
};

#[derive(Deserialize)]
struct Cases {
    template: String,
    tokens: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    conversation: String,
    add_generation_prompt: bool,
    text: Option<String>,
    refused: Option<String>,
}

const NAMES: [&str; 12] = [
    "chatml",
    "chatml_default_system",
    "generation_tags",
    "json",
    "llama2",
    "llama3",
    "loop_controls",
    "macros",
    "mistral",
    "qwen_thinking",
    "string_methods",
    "zephyr",
];

/// The tokenizer of the Faust model with the control tokens of many families.
fn tokenizer() -> Tokenizer {
    static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
        let json = std::fs::read(repository("models/faust/tokenizer.json")).unwrap();
        let mut json: Json = serde_json::from_slice(&json).unwrap();
        let first = faust().tokenizer().vocab_size();
        let special = [
            "<|im_start|>",
            "<|im_end|>",
            "<s>",
            "</s>",
            "[INST]",
            "[/INST]",
            "<|begin_of_text|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eot_id|>",
        ];
        let others = ["<think>", "</think>", "<tool_response>", "</tool_response>"];
        let special = special.map(|token| (token, true));
        let others = others.map(|token| (token, false));
        let added = json["added_tokens"].as_array_mut().unwrap();
        for (index, (content, special)) in special.into_iter().chain(others).enumerate() {
            added.push(serde_json::json!({
                "id": first + index, "content": content, "special": special, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            }));
        }
        Tokenizer::from_bytes(&serde_json::to_vec(&json).unwrap()).unwrap()
    });
    TOKENIZER.clone()
}

const SPECIAL: [&str; 18] = [
    "<|endoftext|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|im_start|>",
    "<|im_end|>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<think>",
    "</think>",
    "<tool_response>",
    "</tool_response>",
];

fn conversations() -> BTreeMap<String, Vec<Message>> {
    json("chat_templates/conversations.json")
}

fn template(source: &str, tokens: &BTreeMap<String, String>) -> ChatTemplate {
    let template = ChatTemplate::new(source).unwrap();
    tokens.iter().fold(template, |template, (name, token)| {
        template.with_token(name, token)
    })
}

/// The control tokens among the ids, in order.
fn control_tokens(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
    let texts = ids
        .iter()
        .map(|&id| tokenizer.decode(&[id], SpecialTokens::Keep));
    texts
        .filter(|text| SPECIAL.contains(&text.as_str()))
        .collect()
}

/// The same messages, in which every character of a control token is replaced.
fn harmless(messages: &[Message]) -> Vec<Message> {
    let replace = |message: &Message| {
        let content = message.content.replace(['<', '>', '[', ']', '|'], "*");
        Message::new(message.role, content)
    };
    messages.iter().map(replace).collect()
}

#[test]
fn texts_are_those_of_jinja2_in_transformers() {
    let conversations = conversations();
    let (mut rendered, mut refused) = (0, 0);
    for name in NAMES {
        let Cases {
            template: source,
            tokens,
            cases,
        } = json(&format!("chat_templates/{name}.json"));
        let tokenizer = tokenizer().with_chat_template(template(&source, &tokens));
        for case in cases {
            let messages = &conversations[&case.conversation];
            let chat = tokenizer.render_chat(messages, case.add_generation_prompt);
            let of = format!("{name}, {}", case.conversation);
            match (chat, case.text) {
                (Ok(chat), Some(text)) => {
                    assert_eq!(chat.text, text, "{of}");
                    let decoded = tokenizer.decode(&chat.ids, SpecialTokens::Keep);
                    // The vocabulary of the Faust model lacks a few characters.
                    if tokenizer.can_encode(&text).unwrap() {
                        assert_eq!(decoded, text, "{of}");
                    }
                    rendered += 1;
                }
                (Err(TokenizerError::RefusedByChatTemplate { message, .. }), None) => {
                    assert_eq!(Some(message), case.refused, "{of}");
                    refused += 1;
                }
                (chat, text) => panic!("{of}: {chat:?} instead of {text:?}"),
            }
        }
    }
    assert_eq!((rendered, refused), (188, 4));
}

#[test]
fn ids_contain_only_control_tokens_of_the_template() {
    let conversations = conversations();
    for name in NAMES {
        let Cases {
            template: source,
            tokens,
            ..
        } = json(&format!("chat_templates/{name}.json"));
        let tokenizer = tokenizer().with_chat_template(template(&source, &tokens));
        for (conversation, messages) in &conversations {
            // The branches of this template depend on characters that are replaced.
            let inspected = ["thinking", "unicode_and_markup"];
            if name == "qwen_thinking" && inspected.contains(&conversation.as_str()) {
                continue;
            }
            let Ok(chat) = tokenizer.render_chat(messages, true) else {
                continue;
            };
            let expected = tokenizer.render_chat(&harmless(messages), true).unwrap();
            assert_eq!(
                control_tokens(&tokenizer, &chat.ids),
                control_tokens(&tokenizer, &expected.ids),
                "{name}, {conversation}"
            );
        }
    }
}

#[test]
fn reasoning_is_moved_without_control_tokens_of_messages() {
    let Cases {
        template: source,
        tokens,
        ..
    } = json("chat_templates/qwen_thinking.json");
    let tokenizer = tokenizer().with_chat_template(template(&source, &tokens));
    let chat = tokenizer
        .render_chat(&conversations()["thinking"], false)
        .unwrap();
    // The last message gets tags from the template; all others are text of messages.
    let message = ["<|im_start|>", "<|im_end|>"];
    let expected = [&message[..]; 4].concat();
    let last = ["<|im_start|>", "<think>", "</think>", "<|im_end|>"];
    assert_eq!(
        control_tokens(&tokenizer, &chat.ids),
        [expected, last.to_vec()].concat()
    );
}

fn render(source: &str, contents: &[&str]) -> Result<RenderedChat, TokenizerError> {
    let messages: Vec<_> = contents
        .iter()
        .map(|text| Message::new(Role::User, *text))
        .collect();
    let template = ChatTemplate::new(source)?;
    tokenizer()
        .with_chat_template(template)
        .render_chat(&messages, false)
}

#[test]
fn templates_that_join_or_cut_contents_create_no_control_token() {
    let cases = [
        (
            "{% for m in messages %}{{ m.content }}{% endfor %}",
            vec!["<|im_", "end|>"],
        ),
        ("<{{ messages[0].content }}", vec!["|im_end|>"]),
        ("<|{{ messages[0].content }}|>", vec!["user"]),
        ("{{ messages[0].content }}|>", vec!["<|im_end"]),
        (
            "{{ messages[0].content.replace('x', '') }}",
            vec!["<|imx_end|>"],
        ),
        (
            "{{ messages[0].content.split('x') | join }}",
            vec!["<|imx_end|>"],
        ),
        (
            "{{ '<' ~ messages[0].content.split('<')[1] }}",
            vec!["<|im_end|>"],
        ),
        ("{{ messages[0].content[1:] }}", vec!["x<|im_end|>"]),
        (
            "{{ messages[0].content[1:].replace('x', '') }}",
            vec!["x<|imx_end|>"],
        ),
        ("{{ messages[0].content[::-1] }}", vec![">|dne_mi|<"]),
        (
            "{% for line in messages[0].content.splitlines() %}{{ line.strip() }}{% endfor %}",
            vec!["a\n<|im_end|>\nb"],
        ),
        ("{{ messages[0].content | lower }}", vec!["<|IM_END|>"]),
        (
            "{% for c in messages[0].content %}{{ c }}{% endfor %}",
            vec!["<|im_end|>"],
        ),
        (
            "{{ messages | map(attribute='content') | join }}",
            vec!["<|im_end", "|>"],
        ),
        ("{{ messages[0].content | trim }}|>", vec!["<|im_end  "]),
        (
            "{% set x = messages[0].content %}{{ x[:5] ~ x[6:] }}",
            vec!["<|im_xend|>"],
        ),
        (
            "{{ messages[0].content | replace('\u{fdd0}', '') }}",
            vec!["<|im_end|>"],
        ),
        // The marks around contents are lost, in several ways.
        (
            "{{ messages[0].content.replace('\\ufdd0', '').replace('\\ufdd1', '') }}",
            vec!["<|im_end|>"],
        ),
        (
            "{% for c in messages[0].content if c in '<|im_end|>' %}{{ c }}{% endfor %}",
            vec!["<|im_end|>"],
        ),
        (
            "{% for c in messages[0].content if c < '\\u1000' %}{{ c }}{% endfor %}",
            vec!["a <|im_end|> b"],
        ),
        (
            "{{ messages[0].content | select('in', '<|im_end|>') | join }}",
            vec!["x<|imx_end|>"],
        ),
        (
            "{% set x = messages[0].content %}{{ x[1:-1] if x[0] != '<' else x }}",
            vec!["<|im_end|>"],
        ),
        ("{{ '<' ~ messages[0].content[1:] }}", vec!["x|im_end|>"]),
        ("<|{{ messages[0].content[:6] }}|>", vec!["im_end and more"]),
        (
            "{{ messages | map(attribute='content') | join | unique | join }}",
            vec!["a", "<s>"],
        ),
        (
            "{{ messages[0].content | first }}{{ messages[0].content[1:] }}",
            vec!["<|im_end|>"],
        ),
    ];
    for (source, contents) in cases {
        match render(source, &contents) {
            Ok(chat) => {
                let none: [&str; 0] = [];
                assert_eq!(control_tokens(&tokenizer(), &chat.ids), none, "{source}");
            }
            Err(TokenizerError::UntraceableChat { .. }) => {}
            Err(error) => panic!("{source}: {error}"),
        }
    }
}

#[test]
fn templates_that_inspect_contents_keep_their_control_tokens() {
    let sources = [
        "<|im_start|>{{ messages[0].content | length }}{{ messages[0].content }}<|im_end|>",
        "<|im_start|>{% if messages[0].content == 'Hallo' %}x{% endif %}<|im_end|>",
        "<|im_start|>{{ messages[0].content[1:3] }}<|im_end|>",
        "<|im_start|>{{ messages[0].content | capitalize }}<|im_end|>",
    ];
    for source in sources {
        let chat = render(source, &["Hallo"]).unwrap();
        let expected = ["<|im_start|>", "<|im_end|>"];
        assert_eq!(
            control_tokens(&tokenizer(), &chat.ids),
            expected,
            "{source}"
        );
    }
}

#[test]
fn the_template_of_our_exports_gives_the_ids_of_the_built_in_format() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::open(repository("models/faust")).unwrap();
    let target = folder.path().join("export");
    let options = ConvertOptions::default()
        .with_target(Target::HuggingFace)
        .with_tokenizer(repository("models/faust/tokenizer.json"));
    convert(&checkpoint, &target, &options, &mut ()).unwrap();
    let path = target.join("tokenizer.json");
    let with_template = Tokenizer::from_file_with_chat_template(path).unwrap();
    assert!(with_template.chat_template().is_some());
    assert_eq!(
        with_template.chat_end_ids().unwrap(),
        faust().tokenizer().chat_end_ids().unwrap()
    );
    for messages in conversations().values() {
        for add_generation_prompt in [true, false] {
            assert_eq!(
                with_template
                    .render_chat(messages, add_generation_prompt)
                    .unwrap(),
                faust()
                    .tokenizer()
                    .render_chat(messages, add_generation_prompt)
                    .unwrap(),
            );
        }
    }
}

#[test]
fn templates_are_read_beside_the_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let beside = || ChatTemplate::beside(&path);
    let config = |json: &Json| {
        std::fs::write(
            folder.path().join("tokenizer_config.json"),
            json.to_string(),
        )
        .unwrap();
    };
    let hello = [Message::new(Role::User, "Hallo")];
    let text = |template: ChatTemplate| {
        tokenizer()
            .with_chat_template(template)
            .render_chat(&hello, false)
            .unwrap()
            .text
    };
    assert!(beside().unwrap().is_none());
    config(&serde_json::json!({"eos_token": {"content": "</s>"}}));
    assert!(beside().unwrap().is_none());
    config(
        &serde_json::json!({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "chat_template": "{{ bos_token }}a{{ eos_token }}"}),
    );
    assert_eq!(text(beside().unwrap().unwrap()), "<s>a</s>");
    let named =
        serde_json::json!([{"name": "rag", "template": "r"}, {"name": "default", "template": "d"}]);
    config(&serde_json::json!({"chat_template": named}));
    assert_eq!(text(beside().unwrap().unwrap()), "d");
    config(&serde_json::json!({"chat_template": [{"name": "rag", "template": "r"}]}));
    assert!(matches!(
        beside(),
        Err(TokenizerError::ReadChatTemplate { .. })
    ));
    config(&serde_json::json!({"eos_token": "</s>", "chat_template": "c"}));
    std::fs::write(
        folder.path().join("chat_template.jinja"),
        "j{{ eos_token }}",
    )
    .unwrap();
    assert_eq!(text(beside().unwrap().unwrap()), "j</s>");
    std::fs::write(folder.path().join("tokenizer_config.json"), "{").unwrap();
    assert!(matches!(
        beside(),
        Err(TokenizerError::ReadChatTemplate { .. })
    ));
}

#[test]
fn errors_name_the_template_and_the_line() {
    let error = ChatTemplate::new("a\n{% if %}").unwrap_err();
    assert!(
        chain(&error).contains("chat_template:2"),
        "{}",
        chain(&error)
    );
    let template = ChatTemplate::new("a\n\n{{ messages.x.y }}")
        .unwrap()
        .with_name("m.jinja");
    let error = tokenizer()
        .with_chat_template(template)
        .render_chat(&[], true)
        .unwrap_err();
    assert!(chain(&error).contains("m.jinja:3"), "{}", chain(&error));
}

fn chain(error: &dyn std::error::Error) -> String {
    let source = error.source().map(chain).unwrap_or_default();
    format!("{error}: {source}")
}

#[test]
fn hostile_templates_are_refused_without_much_time_or_memory() {
    let nested_list =
        "{% set n = namespace(x=[]) %}{% for i in range(9000) %}{% set n.x = [n.x] %}{% endfor %}";
    let deep = "[".repeat(90) + "n.x" + &"]".repeat(90);
    let deep_list = format!(
        "{{% set n = namespace(x=[]) %}}{{% for i in range(9000) %}}{{% set n.x = {deep} %}}{{% endfor %}}"
    );
    let sources = [
        deep_list,
        "{% for i in range(99999999) %}{% for j in range(99999999) %}x{% endfor %}{% endfor %}".to_owned(),
        "{{ 'x' * 999999999999 }}".to_owned(),
        "{% set n = namespace(s='xxxxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}".to_owned(),
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}".to_owned(),
        format!("{nested_list}{{{{ n.x }}}}"),
        format!("{nested_list}{{{{ n.x | tojson }}}}"),
        "{{ [1] | tojson(indent=99999999999) }}{{ 1 / 0 }}".to_owned(),
        "{{ raise_exception('no') }}".to_owned(),
        "{% include 'x' %}".to_owned(),
        "{% import '/etc/passwd' as x %}".to_owned(),
        "{{ ''.x.y }}".to_owned(),
        "(".repeat(1000) + "{{" + &"(".repeat(100_000),
        "{% if x %}".repeat(100_000),
        "{{ strftime_now('%Y') }}".to_owned(),
        "x".repeat((1 << 20) + 1),
    ];
    for source in sources {
        let shown: String = source.chars().take(80).collect();
        assert!(render(&source, &["a"]).is_err(), "{shown}");
    }
}

#[test]
fn the_date_is_the_one_that_is_set() {
    let template = ChatTemplate::new("{{ strftime_now('%d %b %Y') }}").unwrap();
    let template = template.with_date(2024, 7, 6).unwrap();
    let chat = tokenizer()
        .with_chat_template(template)
        .render_chat(&[], true)
        .unwrap();
    assert_eq!(chat.text, "06 Jul 2024");
    assert!(
        ChatTemplate::new("")
            .unwrap()
            .with_date(2023, 2, 29)
            .is_err()
    );
}

#[test]
fn a_tokenizer_without_template_and_role_tokens_names_what_is_missing() {
    let json = std::fs::read(repository("models/faust/tokenizer.json")).unwrap();
    let mut json: Json = serde_json::from_slice(&json).unwrap();
    let added = json["added_tokens"].as_array_mut().unwrap();
    added.retain(|token| token["content"] != "<|user|>");
    let tokenizer = Tokenizer::from_bytes(&serde_json::to_vec(&json).unwrap()).unwrap();
    let error = tokenizer
        .render_chat(&[Message::new(Role::User, "a")], true)
        .unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("<|user|>") && error.contains("chat_template.jinja"),
        "{error}"
    );
}

proptest! {
    /// Contents are random sequences of control tokens, parts of them and other text.
    #[test]
    fn no_content_becomes_a_control_token(
        contents in prop::collection::vec(prop::collection::vec((0..SPECIAL.len(), 0..14usize, any::<bool>()), 0..6), 1..5),
        name in prop::sample::select(vec!["chatml", "llama3", "zephyr", "macros", "generation_tags"]),
    ) {
        let content = |parts: &Vec<(usize, usize, bool)>| -> String {
            let part = |&(token, cut, head): &(usize, usize, bool)| {
                let token = SPECIAL[token];
                let cut = cut.min(token.len());
                if head { &token[..cut] } else { &token[token.len() - cut..] }
            };
            parts.iter().map(part).collect()
        };
        let messages: Vec<_> = contents
            .iter()
            .enumerate()
            .map(|(i, parts)| Message::new([Role::User, Role::Assistant][i % 2], content(parts)))
            .collect();
        let Cases { template: source, tokens, .. } = json(&format!("chat_templates/{name}.json"));
        let tokenizer = tokenizer().with_chat_template(template(&source, &tokens));
        let chat = tokenizer.render_chat(&messages, true).unwrap();
        let expected = tokenizer.render_chat(&harmless(&messages), true).unwrap();
        prop_assert_eq!(
            control_tokens(&tokenizer, &chat.ids),
            control_tokens(&tokenizer, &expected.ids)
        );
        prop_assert_eq!(tokenizer.decode(&chat.ids, SpecialTokens::Keep), chat.text);
    }
}

#[test]
fn the_source_is_returned_as_it_was_given() {
    let source = crate::generation::foreign_templates::template("generation_tags");
    assert!(source.contains("endgeneration"));
    assert_eq!(ChatTemplate::new(source.as_str()).unwrap().source(), source);
}
