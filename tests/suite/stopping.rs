//! Stop strings, times, criteria, and ends from elsewhere.

use crate::fixtures::faust;
use crate::generation::{events, options, wild};
use proptest::prelude::*;
use std::time::Duration;
use wolfgang_generate::{Event, FinishReason, GenerateError, GenerateOptions, SoFar, Summary};

fn stopping(strings: &[&str], keep: bool, with: GenerateOptions) -> GenerateOptions {
    GenerateOptions {
        stop_strings: strings.iter().map(|&string| string.to_owned()).collect(),
        keep_stop_string: keep,
        ..with
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Law 4: whatever the tokens make of a piece of the text, the text ends before its first occurrence.
    #[test]
    fn a_stop_string_ends_the_text_before_its_first_occurrence(
        seed in 0u64..4,
        from in 0usize..60,
        length in 1usize..12,
        keep: bool,
    ) {
        let with = GenerateOptions { seed: Some(seed), ..wild(60) };
        let free = faust().generate_text("Wer reitet", &with).unwrap();
        let from = free.text.floor_char_boundary(from.min(free.text.len() - 1));
        let to = free.text.ceil_char_boundary((from + length).min(free.text.len()));
        let stop = &free.text[from..to];
        prop_assume!(!stop.is_empty());
        let first = free.text.find(stop).unwrap();

        let (events, summary) = events("Wer reitet", &stopping(&["never in there", stop], keep, with));
        let end = if keep { first + stop.len() } else { first };
        prop_assert_eq!(&summary.text, &free.text[..end]);
        prop_assert_eq!(summary.reason, FinishReason::StopString(1));
        let pieces = events.iter().map(|event| match event {
            Event::Text { text, .. } => text.as_str(),
            Event::Finished(_) => "",
        });
        prop_assert_eq!(pieces.collect::<String>(), summary.text);
        prop_assert!(free.ids.starts_with(&summary.ids));
    }
}

#[test]
fn what_is_held_back_is_handed_out_at_any_other_end() {
    let free = faust().generate_text("Wer reitet", &wild(40)).unwrap();
    // Every tail of the text is the beginning of a string that never completes.
    let almost = format!("{}€", free.text);
    let held = stopping(&[&almost], false, wild(40));
    let (events, summary) = events("Wer reitet", &held);
    assert_eq!(summary.text, free.text);
    assert_eq!(summary.reason, FinishReason::MaxTokens);
    let spoken = |event: &&Event| matches!(event, Event::Text { text, .. } if !text.is_empty());
    assert_eq!(
        events.iter().filter(spoken).count(),
        1,
        "all of it was held"
    );
}

#[test]
fn stop_strings_do_not_look_into_the_prompt() {
    let with = GenerateOptions {
        include_prompt: true,
        ..stopping(&["reitet"], false, options(10))
    };
    let summary = faust().generate_text("Wer reitet", &with).unwrap();
    assert_eq!(summary.reason, FinishReason::MaxTokens);
    assert!(summary.text.starts_with("Wer reitet"));
    let empty = stopping(&["a", ""], false, options(1));
    assert!(matches!(
        faust().generate("Ach", &empty).map(drop),
        Err(GenerateError::EmptyStopString { index: 1 })
    ));
}

#[test]
fn a_canceller_ends_a_generation_from_another_thread() {
    let endless = GenerateOptions {
        max_new_tokens: usize::MAX,
        ..wild(0)
    };
    let generation = faust().generate("Ach", &endless).unwrap();
    let canceller = generation.canceller();
    let (ready, wait) = std::sync::mpsc::channel();
    let summary: Summary = std::thread::scope(|scope| {
        scope.spawn(move || {
            wait.recv().unwrap();
            canceller.cancel();
        });
        let mut last = None;
        for event in generation {
            let _ = ready.send(());
            last = Some(event.unwrap());
        }
        match last {
            Some(Event::Finished(summary)) => summary,
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(summary.reason, FinishReason::Cancelled);
}

#[test]
fn no_token_is_begun_when_the_time_is_over() {
    let out_of_time = GenerateOptions {
        max_time: Some(Duration::ZERO),
        ..options(10)
    };
    let summary = faust().generate_text("Ach", &out_of_time).unwrap();
    assert_eq!(
        (summary.reason, summary.generated_tokens),
        (FinishReason::MaxTime, 0)
    );
    let in_time = GenerateOptions {
        max_time: Some(Duration::MAX),
        ..options(10)
    };
    let summary = faust().generate_text("Ach", &in_time).unwrap();
    assert_eq!(summary.reason, FinishReason::MaxTokens);
}

#[test]
fn criteria_see_each_token_and_end_behind_theirs() {
    let free = faust().generate_text("Ach", &options(20)).unwrap();
    let mut seen = 0;
    let mut generation = faust()
        .generate("Ach", &options(20))
        .unwrap()
        .with_stopping(|so_far: &SoFar<'_>| so_far.generated.len() == 7)
        .with_stopping(move |so_far: &SoFar<'_>| {
            seen += 1;
            assert_eq!(so_far.generated.len(), seen);
            assert!(!so_far.prompt.is_empty());
            false
        });
    let mut text = String::new();
    let summary = loop {
        match generation.next().unwrap().unwrap() {
            Event::Text { text: piece, .. } => text.push_str(&piece),
            Event::Finished(summary) => break summary,
        }
    };
    assert_eq!(summary.reason, FinishReason::Criterion);
    assert_eq!(summary.ids, free.ids[..7]);
    assert_eq!(summary.text, text);
    assert!(free.text.starts_with(&text));
}
