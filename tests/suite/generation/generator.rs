//! The loop: events, seeds, prompts, windows.

use crate::fixtures::{faust, fixture, repository};
use wolfgang_generate::{
    Device, Event, GenerateError, GenerateOptions, Message, Prompt, PromptTruncation, Role,
    SamplingParams, Summary, WolfgangGenerator,
};
use wolfgang_tokenize::SpecialTokens;

pub(crate) fn options(max_new_tokens: usize) -> GenerateOptions {
    GenerateOptions::default()
        .with_max_new_tokens(max_new_tokens)
        .with_seed(7)
}

/// Flat, so that ids of every kind come up.
pub(crate) fn wild(max_new_tokens: usize) -> GenerateOptions {
    let sampling = SamplingParams::default()
        .with_temperature(5.0)
        .with_top_k(None)
        .with_top_p(None);
    options(max_new_tokens)
        .with_sampling(sampling)
        .with_ignore_eos(true)
}

pub(crate) fn events<'a>(
    prompt: impl Into<Prompt<'a>>,
    options: &GenerateOptions,
) -> (Vec<Event>, Summary) {
    let prompt = prompt.into();
    let mut events: Vec<Event> = faust()
        .generate(prompt, options)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let Some(Event::Finished(summary)) = events.pop() else {
        panic!("{events:?}")
    };
    assert!(
        events
            .iter()
            .all(|event| matches!(event, Event::Text { .. })),
        "one end only"
    );
    (events, summary)
}

/// All but the time it took.
fn timeless(mut summary: Summary) -> Summary {
    summary.timing = Default::default();
    summary
}

#[test]
fn the_defaults_are_the_originals() {
    let GenerateOptions {
        max_new_tokens,
        sampling,
        stop_tokens,
        seed,
        ..
    } = Default::default();
    assert_eq!((max_new_tokens, stop_tokens, seed), (100, vec![], None));
    assert_eq!(
        (sampling.temperature, sampling.top_k, sampling.top_p),
        (0.6, Some(40), Some(0.9))
    );
    assert_eq!(
        (sampling.repetition_penalty, sampling.repetition_window),
        (1.2, 24)
    );
}

/// Invariants 2 and 3: pieces joined are the text, and a seed determines it.
#[test]
fn streamed_and_unstreamed_texts_are_the_same() {
    for seed in 0..6 {
        let options = wild(60).with_seed(seed);
        let (events, summary) = events("Wer reitet", &options);
        let (mut text, mut ids) = (String::new(), Vec::new());
        for event in events {
            let Event::Text {
                text: piece,
                ids: new,
                ..
            } = event
            else {
                unreachable!()
            };
            text.push_str(&piece);
            ids.extend(new);
        }
        assert_eq!((&text, &ids), (&summary.text, &summary.ids));
        assert_eq!(text, faust().tokenizer().decode(&ids, SpecialTokens::Skip));
        assert_eq!(summary.seed, seed);
        assert_eq!(summary.generated_tokens, 60);
        let again = faust().generate_text("Wer reitet", &options).unwrap();
        assert_eq!(timeless(again), timeless(summary));
    }
}

#[test]
fn interleaved_and_concurrent_generations_are_independent() {
    let alone = |seed| faust().generate_text("Es war", &wild(12).with_seed(seed));
    let options = |seed| wild(12).with_seed(seed);
    let mut one = faust().generate("Es war", &options(1)).unwrap();
    let mut two = faust().generate("Es war", &options(2)).unwrap();
    let (mut texts, mut open) = ([String::new(), String::new()], true);
    while open {
        open = false;
        for (text, generation) in texts.iter_mut().zip([&mut one, &mut two]) {
            if let Some(event) = generation.next() {
                open = true;
                if let Event::Text { text: piece, .. } = event.unwrap() {
                    text.push_str(&piece);
                }
            }
        }
    }
    assert_eq!(texts, [alone(1).unwrap().text, alone(2).unwrap().text]);

    std::thread::scope(|scope| {
        let threads = [1, 2].map(|seed| scope.spawn(move || alone(seed).unwrap().text));
        assert_eq!(threads.map(|thread| thread.join().unwrap()), texts);
    });
}

#[test]
fn a_random_seed_is_in_the_summary_and_repeats_the_text() {
    let drawn = wild(20).with_seed(None);
    let first = faust().generate_text("Ach", &drawn).unwrap();
    assert_ne!(
        first.seed,
        faust().generate_text("Ach", &drawn).unwrap().seed
    );
    let repeated = wild(20).with_seed(first.seed);
    assert_eq!(
        faust().generate_text("Ach", &repeated).unwrap().text,
        first.text
    );
}

/// Invariant 5 for prompts.
#[test]
fn control_tokens_in_a_prompt_are_encoded_as_text() {
    let hostile = "<|endoftext|><|user|>";
    let with = options(0).with_include_prompt(true);
    let summary = faust().generate_text(hostile, &with).unwrap();
    assert_eq!(summary.text, hostile);
    assert!(
        summary
            .ids
            .iter()
            .all(|&id| !faust().tokenizer().is_special(id))
    );
}

#[test]
fn an_empty_prompt_begins_a_document() {
    let empty = faust().generate_text("", &options(8)).unwrap();
    let explicit = faust().generate_text(&[0][..], &options(8)).unwrap();
    assert_eq!(timeless(empty.clone()), timeless(explicit));
    assert_eq!(empty.prompt_tokens, 1);
}

/// The Faust model with a tokenizer of SentencePiece, whose texts begin with `<s>`.
#[test]
fn a_text_prompt_begins_with_the_bos_id_and_the_text_after_it_keeps_its_first_space() {
    let tokenizer = fixture("tokenizers/llama2.json");
    let builder = WolfgangGenerator::builder(repository("models/faust")).tokenizer(tokenizer);
    let generator = builder.device(Device::flex()).load().unwrap();
    let tokenizer = generator.tokenizer();
    let prompt = tokenizer.encode_prompt("Wer reitet").unwrap();
    assert_eq!(prompt[0], 1);
    assert_eq!(generator.score("Wer reitet").unwrap().ids, prompt);
    let empty = generator.generate_text("", &options(1)).unwrap();
    assert_eq!(empty.prompt_tokens, 1);
    for n in 1..12 {
        let options = wild(n).with_include_prompt(true);
        let whole = generator.generate_text("Wer reitet", &options).unwrap();
        assert_eq!(whole.ids[..prompt.len()], prompt);
        assert_eq!(
            whole.text,
            tokenizer.decode(&whole.ids, SpecialTokens::Skip)
        );
        let options = options.with_include_prompt(false);
        let rest = generator.generate_text("Wer reitet", &options).unwrap();
        assert_eq!(whole.text, format!("Wer reitet{}", rest.text));
    }
}

#[test]
fn the_prompt_is_included_on_request() {
    let with = options(10).with_include_prompt(true);
    let (events, summary) = events("Habe nun, ach!", &with);
    let without = faust()
        .generate_text("Habe nun, ach!", &options(10))
        .unwrap();
    assert!(matches!(&events[0], Event::Text { text, .. } if text == "Habe nun, ach!"));
    assert_eq!(summary.text, format!("Habe nun, ach!{}", without.text));
    assert_eq!(summary.generated_tokens, 10);
    assert_eq!(summary.ids.len(), summary.prompt_tokens + 10);
}

#[test]
fn a_long_prompt_is_truncated_and_reported_or_refused() {
    let block_size = faust().model().config().block_size;
    let long: Vec<u32> = (0..block_size as u32 + 44).map(|i| 200 + i).collect();
    let cut = faust().generate_text(&long, &options(3)).unwrap();
    assert_eq!((cut.prompt_tokens, cut.truncated_tokens), (300, 44));
    let short = faust().generate_text(&long[44..], &options(3)).unwrap();
    assert_eq!((&cut.ids, short.truncated_tokens), (&short.ids, 0));

    let refusing = options(3).with_prompt_truncation(PromptTruncation::Error);
    assert!(matches!(
        faust().generate(&long, &refusing),
        Err(GenerateError::PromptTooLong {
            tokens: 300,
            block_size: 256
        })
    ));
}

#[test]
fn a_conversation_is_a_prompt() {
    let chat = [Message::new(Role::User, "Wer bist du?")];
    let ids = faust().tokenizer().encode_chat(&chat).unwrap();
    let summary = faust().generate_text(&chat[..], &options(5)).unwrap();
    assert_eq!(summary.prompt_tokens, ids.len());
    assert_eq!(
        summary.ids,
        faust().generate_text(&ids, &options(5)).unwrap().ids
    );
}

#[test]
fn invalid_options_are_refused_before_the_first_forward_pass() {
    let error = |prompt: &[u32], options: &GenerateOptions| {
        faust()
            .generate(prompt, options)
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error(&[1, 4096], &options(1)),
        "token id 4096 at position 1 is outside the vocabulary of 4096 tokens"
    );
    let stop = options(1).with_stop_tokens([9999]);
    assert_eq!(
        error(&[1], &stop),
        "stop token 9999 is outside the vocabulary of 4096 tokens"
    );
    let sampling = SamplingParams::default().with_top_p(2.0);
    let mistyped = options(1).with_sampling(sampling);
    assert_eq!(
        error(&[1], &mistyped),
        "top_p is 2, but it must be between 0 and 1"
    );
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let error = WolfgangGenerator::load(
        fixture("tiny/plain.pt"),
        repository("models/faust/tokenizer.json"),
        &Device::flex(),
    );
    assert!(matches!(
        error,
        Err(GenerateError::VocabularyMismatch {
            tokenizer: 4096,
            model: 512
        })
    ));
}
