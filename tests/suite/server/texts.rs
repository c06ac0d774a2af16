//! Texts over HTTP are those of the library.

use super::client::{Running, server, server_of, start_with};
use crate::fixtures::faust;
use crate::generation::foreign_templates;
use serde_json::{Value, json};
use wolfgang_generate::{
    ContextOverflow, EngineOptions, GenerateOptions, Message, Role, SamplingParams, SpecialTokens,
    Summary, Tokenizer,
};
use wolfgang_serve::Defaults;

const COMPLETIONS: &str = "/v1/completions";
const CHAT: &str = "/v1/chat/completions";

/// Options of the library that are the defaults of a request.
fn defaults() -> GenerateOptions {
    GenerateOptions::default()
        .with_sampling(Defaults::sampling())
        .with_context_overflow(ContextOverflow::Stop)
}

/// Parameters of a request, and the same as options of the library.
fn cases() -> Vec<(Value, GenerateOptions)> {
    let sampling = Defaults::sampling;
    let with = |n: usize, sampling: SamplingParams| {
        defaults().with_max_new_tokens(n).with_sampling(sampling)
    };
    vec![
        (
            json!({"max_tokens": 12, "temperature": 0}),
            with(12, sampling().with_temperature(0.0)),
        ),
        (json!({}), with(16, sampling())),
        (
            json!({"max_tokens": 20, "top_k": 5, "top_p": 0.9, "min_p": 0.01, "repeat_penalty": 1.2, "repeat_last_n": -1}),
            with(
                20,
                sampling()
                    .with_top_k(5)
                    .with_top_p(0.9)
                    .with_min_p(0.01)
                    .with_repetition_penalty(1.2)
                    .with_repetition_window(usize::MAX),
            ),
        ),
        (
            json!({"max_tokens": 40, "temperature": 5, "logit_bias": {"300": -100.0, "7": 2}, "ignore_eos": true}),
            with(
                40,
                sampling()
                    .with_temperature(5.0)
                    .with_logit_bias([(7, 2.0), (300, -100.0)]),
            )
            .with_ignore_eos(true),
        ),
        (
            json!({"max_tokens": 30, "stop": ["e ", "\n"], "frequency_penalty": 0.5, "presence_penalty": -0.5}),
            with(
                30,
                sampling()
                    .with_frequency_penalty(0.5)
                    .with_presence_penalty(-0.5),
            )
            .with_stop_strings(["e ", "\n"]),
        ),
        (
            json!({"max_completion_tokens": 9, "min_tokens": 4, "stop_token_ids": [5, 6], "mirostat": 2, "mirostat_tau": 3.0}),
            with(
                9,
                sampling()
                    .with_min_new_tokens(4)
                    .with_mirostat(wolfgang_generate::MirostatParams::default().with_tau(3.0)),
            )
            .with_stop_tokens([5, 6]),
        ),
    ]
}

fn joined(events: &[Value], index: usize) -> (String, Vec<Value>, Value) {
    let choices = events
        .iter()
        .flat_map(|event| event["choices"].as_array().unwrap());
    let own: Vec<_> = choices.filter(|choice| choice["index"] == index).collect();
    let text = |choice: &&Value| {
        let text = choice["text"]
            .as_str()
            .or(choice["delta"]["content"].as_str());
        text.unwrap_or_default().to_owned()
    };
    let ids = |choice: &&Value| choice["token_ids"].as_array().cloned().unwrap_or_default();
    let ends: Vec<_> = own
        .iter()
        .filter(|choice| !choice["finish_reason"].is_null())
        .collect();
    assert_eq!(ends.len(), 1, "{own:?}");
    (
        own.iter().map(text).collect(),
        own.iter().flat_map(ids).collect(),
        (**ends[0]).clone(),
    )
}

/// Sends a request, streamed and not, and compares both with the summary of the library.
fn check(server: &Running, path: &str, body: &Value, expected: &Summary) {
    let mut body = body.clone();
    body["seed"] = expected.seed.into();
    body["return_token_ids"] = true.into();
    let reply = server.post(path, &body);
    assert_eq!(reply.status, 200, "{body}: {}", reply.text());
    let whole = reply.json();
    let choice = &whole["choices"][0];
    let text = choice["text"]
        .as_str()
        .or(choice["message"]["content"].as_str());
    assert_eq!(text, Some(expected.text.as_str()), "{body}");
    assert_eq!(choice["token_ids"], json!(expected.ids), "{body}");
    assert_eq!(choice["seed"], expected.seed);
    assert_eq!(choice["finish_detail"], expected.reason.as_str());
    let usage = &whole["usage"];
    assert_eq!(usage["prompt_tokens"], expected.prompt_tokens);
    assert_eq!(usage["completion_tokens"], expected.generated_tokens);
    let total = expected.prompt_tokens + expected.generated_tokens;
    assert_eq!(usage["total_tokens"], total);

    let (text, ids, end) = joined(&server.events(path, &body), 0);
    assert_eq!(text, expected.text, "{body}");
    assert_eq!(json!(ids), json!(expected.ids), "{body}");
    for field in ["finish_reason", "finish_detail", "stop_reason", "seed"] {
        assert_eq!(end[field], choice[field], "{body}");
    }
}

#[test]
fn completions_are_the_texts_of_the_library() {
    let server = server();
    for (seed, (parameters, options)) in (1..).zip(cases()) {
        let options = options.with_seed(seed);
        let mut body = parameters;
        body["prompt"] = "Habe nun, ach! Philosophie".into();
        let expected = faust().generate_text("Habe nun, ach! Philosophie", &options);
        check(&server, COMPLETIONS, &body, &expected.unwrap());
        body["prompt"] = json!([300, 301, 302]);
        let expected = faust().generate_text(&[300, 301, 302], &options).unwrap();
        check(&server, COMPLETIONS, &body, &expected);
        body["prompt"] = "".into();
        let expected = faust().generate_text("", &options).unwrap();
        check(&server, COMPLETIONS, &body, &expected);
    }
}

#[test]
fn replies_are_the_texts_of_the_library() {
    let server = server();
    let messages = json!([
        {"role": "system", "content": "Du bist Faust."},
        {"role": "user", "content": [{"type": "text", "text": "Wer "}, {"type": "text", "text": "bist du?"}]},
    ]);
    let said = [
        Message::new(Role::System, "Du bist Faust."),
        Message::new(Role::User, "Wer bist du?"),
    ];
    let ends = faust().tokenizer().chat_end_ids().unwrap();
    for (seed, (parameters, options)) in (1..).zip(cases()) {
        let mut options = options.with_seed(seed);
        let is_limited = parameters
            .as_object()
            .unwrap()
            .keys()
            .any(|key| key.starts_with("max_"));
        if !is_limited {
            options.max_new_tokens = usize::MAX;
        }
        if !options.ignore_eos {
            options.stop_tokens.extend(&ends);
        }
        let mut body = parameters;
        body["messages"] = messages.clone();
        let expected = faust().generate_text(&said, &options).unwrap();
        check(&server, CHAT, &body, &expected);
    }
}

/// The first space of a reply is not part of its text with a vocabulary of SentencePiece.
#[test]
fn replies_are_those_of_a_conversation() {
    let generator = foreign_templates::generator(("llama2", "llama2"));
    let word = generator.tokenizer().token_id(" W").unwrap();
    let sampling = Defaults::sampling().with_allowed_tokens(vec![word]);
    let options = defaults()
        .with_sampling(sampling)
        .with_max_new_tokens(3)
        .with_seed(1);
    let mut conversation = generator.conversation("").unwrap();
    let reply = conversation.send("Wer bist du?", &options).unwrap();
    let reply = reply.into_summary().unwrap();
    assert_eq!(reply.text, "W W W");
    let body = json!({"messages": [{"role": "user", "content": "Wer bist du?"}], "max_tokens": 3,
        "allowed_token_ids": [word]});
    check(&server_of(&generator), CHAT, &body, &reply);
}

#[test]
fn requests_have_the_defaults_of_the_server() {
    let options = GenerateOptions::default()
        .with_sampling(SamplingParams::greedy())
        .with_stop_strings(["\n"]);
    let defaults = Defaults::new(options.clone(), Some(7));
    let server = start_with(EngineOptions::default(), super::client::options(), defaults);
    let expected = options
        .with_max_new_tokens(7)
        .with_seed(1)
        .with_context_overflow(ContextOverflow::Stop);
    let expected = faust().generate_text("Ach", &expected).unwrap();
    check(&server, COMPLETIONS, &json!({"prompt": "Ach"}), &expected);
}

#[test]
fn choices_have_the_seeds_that_follow() {
    let server = server();
    let body = json!({"prompt": ["Ach", [300, 301]], "n": 3, "seed": 40, "max_tokens": 8, "stream_options": {"include_usage": true}});
    let whole = server.post(COMPLETIONS, &body).json();
    let events = server.events(COMPLETIONS, &body);
    let choices = whole["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 6);
    let mut completion_tokens = 0;
    for (index, choice) in choices.iter().enumerate() {
        let seed = 40 + index as u64 % 3;
        let options = defaults().with_max_new_tokens(8).with_seed(seed);
        let expected = match index / 3 {
            0 => faust().generate_text("Ach", &options),
            _ => faust().generate_text(&[300, 301], &options),
        };
        let expected = expected.unwrap();
        completion_tokens += expected.generated_tokens;
        assert_eq!(choice["index"], index);
        assert_eq!(choice["seed"], seed);
        assert_eq!(choice["text"], expected.text);
        assert_eq!(joined(&events, index).0, expected.text);
    }
    let prompt_tokens = faust().tokenizer().encode("Ach").unwrap().len() + 2;
    for usage in [&whole["usage"], &events.last().unwrap()["usage"]] {
        assert_eq!(usage["prompt_tokens"], prompt_tokens);
        assert_eq!(usage["completion_tokens"], completion_tokens);
    }
}

/// The prefix cache is part of the counts, and not of the text.
#[test]
fn cached_tokens_are_part_of_the_prompt_and_change_no_text() {
    let server = server();
    let prompt: Vec<u32> = (300..400).collect();
    let body = json!({"prompt": prompt, "max_tokens": 8, "seed": 3, "logprobs": 2});
    let [first, second] = [0, 1].map(|_| server.post(COMPLETIONS, &body).json());
    assert_eq!(first["choices"], second["choices"]);
    let cached = |reply: &Value| {
        assert_eq!(reply["usage"]["prompt_tokens"], 100);
        let details = &reply["usage"]["prompt_tokens_details"];
        details["cached_tokens"].as_u64().unwrap()
    };
    assert_eq!(cached(&first), 0);
    assert!((50..100).contains(&cached(&second)), "{second}");
}

#[test]
fn without_a_seed_texts_differ_and_the_seed_returned_repeats_them() {
    let server = server();
    let mut body = json!({"prompt": "Ach", "max_tokens": 24, "temperature": 3});
    let [first, second] = [0, 1].map(|_| server.post(COMPLETIONS, &body));
    let seed = first.header("x-wolfgang-seed").unwrap().to_owned();
    let [first, second] = [first.json(), second.json()];
    assert_ne!(first["choices"][0]["text"], second["choices"][0]["text"]);
    assert_eq!(first["choices"][0]["seed"].to_string(), seed);
    body["seed"] = first["choices"][0]["seed"].clone();
    let again = server.post(COMPLETIONS, &body).json();
    assert_eq!(first["choices"][0]["text"], again["choices"][0]["text"]);
    assert_eq!(first["system_fingerprint"], again["system_fingerprint"]);
}

#[test]
fn echoed_prompts_have_the_log_probabilities_of_a_score() {
    let server = server();
    let prompt = "Habe nun, ach! Philosophie,\nJuristerei und Medizin";
    let ids = faust().tokenizer().encode(prompt).unwrap();
    let score = faust().score(&ids).unwrap();
    for max_tokens in [0, 1, 5] {
        let body = json!({
            "prompt": [ids], "echo": true, "logprobs": 2, "max_tokens": max_tokens,
            "temperature": 0, "seed": 3
        });
        let whole = server.post(COMPLETIONS, &body).json();
        let choice = &whole["choices"][0];
        let text = choice["text"].as_str().unwrap();
        assert!(text.starts_with(prompt), "{text}");
        let logprobs = &choice["logprobs"];
        let list = |name: &str| logprobs[name].as_array().unwrap().clone();
        let told = list("token_logprobs");
        let generated = whole["usage"]["completion_tokens"].as_u64().unwrap() as usize;
        assert!(max_tokens > 0 || generated == 0);
        for name in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
            assert_eq!(list(name).len(), ids.len() + generated, "{name}");
        }
        for (told, expected) in told.iter().zip(&score.logprobs) {
            assert_eq!(told.as_f64().map(|told| told as f32), *expected);
        }
        let characters: Vec<char> = text.chars().collect();
        let tokens = list("tokens");
        for (at, token) in tokens.iter().enumerate() {
            let offset = list("text_offset")[at].as_u64().unwrap() as usize;
            let found: String = characters[offset..].iter().collect();
            assert!(
                found.starts_with(token.as_str().unwrap()),
                "{token} in {found:?}"
            );
            let top = &list("top_logprobs")[at];
            if at == 0 {
                assert!(told[0].is_null() && top.is_null());
                continue;
            }
            let top = top.as_object().unwrap();
            assert!((2..=3).contains(&top.len()), "{top:?}");
            assert_eq!(top[token.as_str().unwrap()], told[at]);
        }
        let events = server.events(COMPLETIONS, &body);
        assert_eq!(joined(&events, 0).0, text);
        let streamed = |name: &str| -> Vec<Value> {
            let lists = events
                .iter()
                .filter_map(|e| e["choices"][0]["logprobs"][name].as_array());
            lists.flatten().cloned().collect()
        };
        for name in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
            assert_eq!(streamed(name), list(name), "{name}");
        }
    }
}

/// Where each id begins in the text after `prompt`.
fn offsets(tokenizer: &Tokenizer, prompt: &[u32], ids: &[u32]) -> Vec<usize> {
    let mut stream = tokenizer.text_offsets_after(prompt, SpecialTokens::Skip);
    let mut offsets = Vec::new();
    for id in ids {
        offsets.extend(stream.push(*id));
    }
    offsets.extend(stream.finish());
    offsets
}

/// With byte tokens, invalid bytes, dropped spaces and stop strings, and the same in a stream.
#[test]
fn text_offsets_are_characters_of_the_text() {
    let generator = foreign_templates::generator(("llama2", "llama2"));
    let tokenizer = generator.tokenizer();
    let server = server_of(&generator);
    let prompt = tokenizer.encode("Wer").unwrap();
    let byte = |byte: u8| u32::from(byte) + 3;
    let bytes = [0xC3, 0xA4, 0xA4, b'A'].map(byte).to_vec();
    let letters = [" W", "a", "e"].map(|text| tokenizer.token_id(text).unwrap());
    let mixed = [&bytes[..], &letters].concat();
    let long = "a".repeat(40);
    let cases = [
        (&mixed, json!(null)),
        (&mixed, json!(["ae", "AA"])),
        (&bytes, json!(null)),
        (&letters.to_vec(), json!([" Wa", "e W", long])),
        (&letters[1..2].to_vec(), json!([long])),
    ];
    for (seed, (allowed, stop)) in (1..).zip(cases) {
        for echo in [false, true] {
            let body = json!({"prompt": prompt, "echo": echo, "logprobs": 1, "max_tokens": 60,
                "seed": seed, "allowed_token_ids": allowed, "ignore_eos": true, "stop": stop,
                "return_token_ids": true});
            let whole = server.post(COMPLETIONS, &body).json();
            let choice = &whole["choices"][0];
            let n = choice["text"].as_str().unwrap().chars().count();
            let ids: Vec<u32> = serde_json::from_value(choice["token_ids"].clone()).unwrap();
            let mut expected = match echo {
                true => offsets(tokenizer, &[], &[&prompt[..], &ids].concat()),
                false => offsets(tokenizer, &prompt, &ids),
            };
            assert!(!stop.is_null() || expected.iter().all(|offset| *offset < n));
            for offset in &mut expected {
                *offset = n.min(*offset);
            }
            assert_eq!(choice["logprobs"]["text_offset"], json!(expected), "{body}");
            let events = server.events(COMPLETIONS, &body);
            for name in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
                let lists = events.iter().flat_map(|event| {
                    let list = event["choices"][0]["logprobs"][name].as_array();
                    list.cloned().unwrap_or_default()
                });
                let streamed: Vec<Value> = lists.collect();
                assert_eq!(choice["logprobs"][name], json!(streamed), "{body}");
            }
        }
    }
}

#[test]
fn a_stream_without_tokens_has_the_ids_of_the_prompt() {
    let server = server();
    let body = json!({"prompt": [300, 301], "max_tokens": 0, "return_token_ids": true});
    let whole = server.post(COMPLETIONS, &body).json();
    let events = server.events(COMPLETIONS, &body);
    for choice in [&whole["choices"][0], &events[0]["choices"][0]] {
        assert_eq!(choice["prompt_token_ids"], json!([300, 301]));
        assert_eq!(choice["token_ids"], json!([]));
    }
    assert_eq!(events.len(), 1);
}

/// Masked tokens have no infinite log-probability, and bytes of a character have a name.
#[test]
fn log_probabilities_are_finite_and_tokens_have_bytes() {
    let server = server();
    let body = json!({
        "messages": [{"role": "user", "content": "Ach"}], "logprobs": true, "top_logprobs": 3,
        "temperature": 5, "max_tokens": 60, "ignore_eos": true, "seed": 1,
        "logit_bias": {"300": -100}, "top_k": 0
    });
    let whole = server.post(CHAT, &body).json();
    let choice = &whole["choices"][0];
    let content = choice["logprobs"]["content"].as_array().unwrap();
    assert_eq!(content.len(), 60);
    let mut bytes = Vec::new();
    for token in content {
        assert!(token["logprob"].as_f64().unwrap() <= 0.0, "{token}");
        assert_eq!(token["top_logprobs"].as_array().unwrap().len(), 3);
        let own = token["bytes"].as_array().unwrap();
        bytes.extend(own.iter().map(|byte| byte.as_u64().unwrap() as u8));
    }
    let text = choice["message"]["content"].as_str().unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}
