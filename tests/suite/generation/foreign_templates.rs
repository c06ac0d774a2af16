//! Conversations in the chat formats of other models: tiny models with random weights, with the
//! tokenizer and the template of a family.

use crate::fixtures::{fixture, json};
use crate::generation::conversation::Dictation;
use crate::generation::generator::options;
use crate::generation::logprobs::tiny;
use serde::Deserialize;
use std::collections::BTreeMap;
use wolfgang_generate::{
    ChatTemplate, Checkpoint, Conversation, Device, FinishReason, Message, Role, SpecialTokens,
    Summary, Tokenizer, WolfgangGenerator,
};

/// Each template with a tokenizer that has its control tokens.
const FORMATS: [(&str, &str); 4] = [
    ("chatml", "smollm"),
    ("llama3", "llama3"),
    ("mistral", "llama2"),
    ("llama2", "llama2"),
];

const SYSTEM: &str = "Du bist Faust.";

#[derive(Deserialize)]
struct Template {
    template: String,
    tokens: BTreeMap<String, String>,
}

pub(crate) fn template(name: &str) -> String {
    json::<Template>(&format!("chat_templates/{name}.json")).template
}

pub(crate) fn checkpoint(tokenizer: &Tokenizer) -> Checkpoint {
    let config = tiny(2048).with_vocab_size(tokenizer.vocab_size());
    Checkpoint::random(&config, 1).unwrap()
}

pub(crate) fn generator((template, tokenizer): (&str, &str)) -> WolfgangGenerator {
    let Template { template, tokens } = json(&format!("chat_templates/{template}.json"));
    let template = ChatTemplate::new(template).unwrap();
    let template = tokens.iter().fold(template, |template, (name, token)| {
        template.with_token(name, token)
    });
    let tokenizer = fixture(&format!("tokenizers/{tokenizer}.json"));
    let tokenizer = Tokenizer::from_file(tokenizer).unwrap();
    let tokenizer = tokenizer.with_chat_template(template);
    let model = checkpoint(&tokenizer).into_model(&Device::flex());
    WolfgangGenerator::new(model.unwrap(), tokenizer).unwrap()
}

fn said(conversation: &mut Conversation, text: &str, seed: u64) -> Summary {
    let options = options(12).with_seed(seed);
    let reply = conversation.send(text, &options).unwrap();
    reply.into_summary().unwrap()
}

/// A reply of these ids, whatever the model makes of the messages.
fn dictated(conversation: &mut Conversation, ids: Vec<u32>) -> Summary {
    let reply = conversation.send("Sprich!", &options(30)).unwrap();
    let reply = reply.with_processor(Dictation(ids));
    reply.into_summary().unwrap()
}

#[test]
fn later_replies_are_those_of_a_new_conversation() {
    for format in FORMATS {
        let generator = generator(format);
        let mut conversation = generator.conversation(SYSTEM).unwrap();
        for turn in 0..3 {
            let mut fresh = generator.conversation(SYSTEM).unwrap();
            fresh.set_messages(conversation.messages());
            let text = format!("Wer reitet so spät, zum {turn}. Mal?");
            let reply = said(&mut conversation, &text, turn);
            let expected = said(&mut fresh, &text, turn);
            assert_eq!(reply.ids, expected.ids, "{format:?}, turn {turn}");
            assert_eq!(reply.text, expected.text, "{format:?}, turn {turn}");
            assert_eq!(conversation.messages(), fresh.messages());
            assert_eq!(expected.cached_tokens, 0);
            assert_eq!(reply.cached_tokens > 0, turn > 0, "{format:?}");
        }
    }
}

#[test]
fn control_tokens_in_a_message_are_text() {
    for format in FORMATS {
        let generator = generator(format);
        let tokenizer = generator.tokenizer();
        let control = |text: &str| {
            let messages = [
                Message::new(Role::System, SYSTEM),
                Message::new(Role::User, text),
            ];
            let ids = tokenizer.encode_chat(&messages).unwrap();
            let mut control = ids.clone();
            control.retain(|id| tokenizer.control_tokens().any(|(_, other)| other == *id));
            (ids.len(), control)
        };
        let all: String = tokenizer.control_tokens().map(|(text, _)| text).collect();
        let hostile = format!("Ach! {all} {all}");
        let (tokens, found) = control(&hostile);
        assert_eq!(found, control("Ach!").1, "{format:?}");
        // A conversation has the same prompt.
        let mut conversation = generator.conversation(SYSTEM).unwrap();
        assert_eq!(said(&mut conversation, &hostile, 1).prompt_tokens, tokens);
    }
}

#[test]
fn a_reply_ends_at_every_end_id_of_the_format() {
    for format in FORMATS {
        let generator = generator(format);
        let ends = generator.tokenizer().chat_end_ids().unwrap();
        assert!(!ends.is_empty());
        for end in ends {
            let mut conversation = generator.conversation(SYSTEM).unwrap();
            let mut ids = generator.tokenizer().encode("Ja").unwrap();
            let text_ids = ids.clone();
            ids.push(end);
            let reply = dictated(&mut conversation, ids);
            let reason = reply.reason;
            assert!(
                matches!(reason, FinishReason::StopToken(id) if id == end)
                    || reason == FinishReason::EndOfText,
                "{format:?}, {end}: {reason:?}"
            );
            assert_eq!((reply.ids, reply.text.as_str()), (text_ids, "Ja"));
            assert_eq!(conversation.messages()[1].content, "Ja");
        }
    }
}

/// As `decode` of the ids in transformers. The template writes the space again.
#[test]
fn a_reply_of_sentencepiece_has_no_first_space() {
    for format in [("mistral", "llama2"), ("llama2", "llama2")] {
        let generator = generator(format);
        let tokenizer = generator.tokenizer();
        let mut conversation = generator.conversation("").unwrap();
        let mut ids = tokenizer.encode("Ich bin der Geist.").unwrap();
        ids.extend(tokenizer.special_id("</s>"));
        let reply = dictated(&mut conversation, ids);
        assert_eq!(reply.text, "Ich bin der Geist.");
        let decoded = tokenizer.decode(&reply.ids, SpecialTokens::Skip);
        assert_eq!(reply.text, decoded);
        let next = said(&mut conversation, "Weiter!", 1);
        let computed = reply.prompt_tokens + reply.generated_tokens;
        assert!(next.cached_tokens >= computed, "{format:?}: {next:?}");
    }
}
