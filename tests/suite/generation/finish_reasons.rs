//! Every way a generation can end.

use crate::fixtures::faust;
use crate::generation::generator::{events, options, wild};
use wolfgang_generate::{ContextOverflow, Event, FinishReason, GenerateOptions, SamplingParams};

/// Always takes the last id again, provided its logit is positive: the penalty rewards it beyond
/// all others.
fn echo() -> SamplingParams {
    SamplingParams::default()
        .with_temperature(0.0)
        .with_repetition_penalty(1e-6)
        .with_repetition_window(1)
}

#[test]
fn the_end_of_text_and_stop_tokens_end_the_text_before_themselves() {
    let prompt = [814, 0];
    let logits = faust().model().forward(&prompt).unwrap();
    let last = &logits[faust().model().config().vocab_size..];
    assert!(
        last[0] > 0.0,
        "the test relies on a positive logit of <|endoftext|>, id 0"
    );
    let options = options(5).with_sampling(echo());

    let ended = faust().generate_text(&prompt[..], &options).unwrap();
    assert_eq!(
        (ended.reason, ended.generated_tokens),
        (FinishReason::EndOfText, 0)
    );

    let ignoring = options.clone().with_ignore_eos(true);
    let on = faust().generate_text(&prompt[..], &ignoring).unwrap();
    assert_eq!((on.reason, on.ids[0]), (FinishReason::MaxTokens, 0));

    let stopping = ignoring.with_stop_tokens([5, 0]);
    let stopped = faust().generate_text(&prompt[..], &stopping).unwrap();
    assert_eq!(
        (stopped.reason, stopped.ids),
        (FinishReason::StopToken(0), vec![])
    );
}

#[test]
fn a_stop_token_ends_the_text_before_itself() {
    let free = faust().generate_text("Gretchen:", &options(40)).unwrap();
    let stop = free.ids[17];
    let position = free.ids.iter().position(|&id| id == stop).unwrap();
    let stopping = options(40).with_stop_tokens([stop]);
    let stopped = faust().generate_text("Gretchen:", &stopping).unwrap();
    assert_eq!(stopped.reason, FinishReason::StopToken(stop));
    assert_eq!(stopped.ids, free.ids[..position]);
    assert!(free.text.starts_with(&stopped.text));
}

#[test]
fn zero_new_tokens_give_an_empty_text() {
    let (events, summary) = events("Ach", &options(0));
    assert!(events.is_empty());
    assert_eq!(
        (summary.reason, summary.text.as_str()),
        (FinishReason::MaxTokens, "")
    );
}

#[test]
fn cancelling_emits_held_back_text_and_finishes() {
    // The first byte of a character of two, and no second.
    let half = (0..4096).find(|&id| faust().tokenizer().token_bytes(id) == Some(&[0xc3]));
    let prompt = [half.unwrap()];
    let with = options(50).with_include_prompt(true);
    let mut generation = faust().generate(&prompt, &with).unwrap();
    let prompt_event = generation.next().unwrap().unwrap();
    assert!(
        matches!(prompt_event, Event::Text { text, ids, .. } if text.is_empty() && ids == prompt)
    );
    generation.cancel();
    let rest: Vec<Event> = generation.collect::<Result<_, _>>().unwrap();
    let [Event::Text { text, .. }, Event::Finished(summary)] = &rest[..] else {
        panic!("{rest:?}");
    };
    assert_eq!(
        (text.as_str(), summary.text.as_str()),
        ("\u{fffd}", "\u{fffd}")
    );
    assert_eq!(summary.reason, FinishReason::Cancelled);
}

/// Ids without text must not keep the caller waiting for ever.
#[test]
fn a_generation_of_ids_without_text_can_be_cancelled() {
    let options = GenerateOptions::default()
        .with_max_new_tokens(usize::MAX)
        .with_sampling(echo())
        .with_ignore_eos(true);
    let mut generation = faust().generate(&[814, 0][..], &options).unwrap();
    let Some(Ok(Event::Text { text, ids, .. })) = generation.next() else {
        panic!("no event");
    };
    assert!(text.is_empty() && !ids.is_empty() && ids.iter().all(|&id| id == 0));
    generation.cancel();
    let Some(Ok(Event::Finished(summary))) = generation.next() else {
        panic!("no end");
    };
    assert_eq!(summary.ids, ids);
}

#[test]
fn a_full_context_ends_the_text_on_request() {
    let prompt: Vec<u32> = (0..250).map(|i| 200 + i).collect();
    let stopping = wild(10).with_context_overflow(ContextOverflow::Stop);
    let stopped = faust().generate_text(&prompt, &stopping).unwrap();
    // Six more fit; the logits behind the last of them give a seventh.
    assert_eq!(
        (stopped.reason, stopped.generated_tokens),
        (FinishReason::ContextFull, 7)
    );
    let sliding = faust().generate_text(&prompt, &wild(10)).unwrap();
    assert_eq!(sliding.reason, FinishReason::MaxTokens);
    assert_eq!(sliding.ids[..7], stopped.ids);
}
