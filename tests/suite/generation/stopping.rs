//! Stop strings, time limits, stopping criteria and cancel handles.

use crate::fixtures::faust;
use crate::generation::generator::{events, options, wild};
use proptest::prelude::*;
use std::time::Duration;
use wolfgang_generate::{
    Batch, ContextOverflow, Event, FinishReason, GenerateError, GenerateOptions, Generation,
    Prompt, SamplingError, StoppingContext, Summary,
};

fn stopping(strings: &[&str], keep: bool, with: GenerateOptions) -> GenerateOptions {
    with.with_stop_strings(strings.iter().copied())
        .with_keep_stop_string(keep)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Invariant 4: the text ends before the first occurrence of the stop string, which may begin
    /// and end within tokens.
    #[test]
    fn a_stop_string_ends_the_text_before_its_first_occurrence(
        seed in 0u64..4,
        from in 0usize..60,
        length in 1usize..12,
        keep: bool,
    ) {
        let with = wild(60).with_seed(seed);
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
            _ => "",
        });
        prop_assert_eq!(pieces.collect::<String>(), summary.text);
        prop_assert!(free.ids.starts_with(&summary.ids));
    }
}

#[test]
fn held_back_text_is_emitted_at_every_other_end() {
    const MAX_TIME: Duration = Duration::from_millis(50);
    type Give = fn(Generation) -> Generation;
    let free = faust().generate_text("Wer reitet", &wild(40)).unwrap();
    let later = *free.ids.last().unwrap();
    let full: Vec<u32> = (0..250).map(|i| 200 + i).collect();
    let short = Prompt::from("Wer reitet");
    let as_is: Give = |generation| generation;
    let with = |change: fn(&mut GenerateOptions)| {
        let mut options = wild(40);
        change(&mut options);
        options
    };
    let stop_token = wild(40).with_stop_tokens([later]);
    let cases: [(FinishReason, Prompt<'_>, GenerateOptions, Give); 7] = [
        (FinishReason::MaxTokens, short, wild(40), as_is),
        (FinishReason::StopToken(later), short, stop_token, as_is),
        (
            FinishReason::EndOfText,
            short,
            // The end comes at once when the minimum is over.
            with(|options| {
                options.ignore_eos = false;
                options.sampling.min_new_tokens = 6;
                options.sampling.logit_bias = vec![(0, 1e6)];
            }),
            as_is,
        ),
        (
            FinishReason::ContextFull,
            (&full).into(),
            with(|options| options.context_overflow = ContextOverflow::Stop),
            as_is,
        ),
        (FinishReason::Criterion(1), short, wild(40), |generation| {
            generation
                .with_stopping(|_: &StoppingContext<'_>| false)
                .with_stopping(|context: &StoppingContext<'_>| context.generated.len() == 5)
        }),
        (FinishReason::Cancelled, short, wild(40), |generation| {
            let cancel_handle = generation.cancel_handle();
            generation.with_stopping(move |context: &StoppingContext<'_>| {
                if context.generated.len() == 5 {
                    cancel_handle.cancel();
                }
                false
            })
        }),
        (
            FinishReason::MaxTime,
            short,
            with(|options| options.max_time = Some(MAX_TIME)),
            // However fast the machine is, the time is over after the first token.
            |generation| {
                generation.with_stopping(|_: &StoppingContext<'_>| {
                    std::thread::sleep(MAX_TIME);
                    false
                })
            },
        ),
    ];
    for (reason, prompt, options, give) in cases {
        let begin = |options: &GenerateOptions| give(faust().generate(prompt, options).unwrap());
        let free = begin(&options).into_summary().unwrap();
        assert!(!free.text.is_empty(), "{reason:?}");
        // Every tail of the text is the beginning of a string that never completes.
        let almost = format!("{}€", free.text);
        let mut held = begin(&stopping(&[&almost], false, options));
        let mut spoken = 0;
        let summary = loop {
            match held.next().unwrap().unwrap() {
                Event::Text { text, .. } => spoken += usize::from(!text.is_empty()),
                Event::Finished(summary) => break summary,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((summary.reason, free.reason), (reason, reason));
        assert_eq!(summary.text, free.text, "{reason:?}");
        assert_eq!(spoken, 1, "{reason:?}: all of it was held");
    }
}

#[test]
fn stop_strings_do_not_match_the_prompt() {
    let with = stopping(&["reitet"], false, options(10)).with_include_prompt(true);
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
fn a_cancel_handle_ends_a_generation_from_another_thread() {
    let endless = wild(0).with_max_new_tokens(usize::MAX);
    let generation = faust().generate("Ach", &endless).unwrap();
    let cancel_handle = generation.cancel_handle();
    let (ready, wait) = std::sync::mpsc::channel();
    let summary: Summary = std::thread::scope(|scope| {
        scope.spawn(move || {
            wait.recv().unwrap();
            cancel_handle.cancel();
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
fn the_cancel_handle_of_a_batch_ends_present_and_later_generations() {
    let mut batch = Batch::new();
    batch.push(faust().generate("Ach", &wild(1000)).unwrap());
    batch.push(faust().generate("Weh", &wild(1000)).unwrap());
    batch.next().unwrap().1.unwrap();
    let cancel_handle = batch.cancel_handle();
    std::thread::scope(|scope| {
        scope.spawn(|| cancel_handle.cancel());
    });
    batch.push(faust().generate("Oh", &wild(1000)).unwrap());
    let mut ends: Vec<_> = batch
        .filter_map(|(place, event)| match event.unwrap() {
            Event::Finished(summary) => Some((place, summary.reason)),
            _ => None,
        })
        .collect();
    ends.sort_by_key(|(place, _)| *place);
    assert_eq!(
        ends,
        [0, 1, 2].map(|place| (place, FinishReason::Cancelled))
    );
}

#[test]
fn no_end_comes_before_min_new_tokens() {
    let with = |min_new_tokens: usize, max_new_tokens: usize| {
        let mut options = options(max_new_tokens);
        options.sampling.min_new_tokens = min_new_tokens;
        // These are sampled unless they are masked.
        options.sampling.logit_bias = vec![(0, 1e6), (7, 1e6)];
        options.stop_tokens = vec![7];
        options
    };
    let summary = faust().generate_text("Ach", &with(0, 20)).unwrap();
    assert_eq!(summary.generated_tokens, 0);
    // Also where the caller names ends of their own, or the same.
    for named in [vec![], vec![9], vec![7, 0]] {
        let mut options = with(5, 20);
        options.sampling.end_tokens = named;
        let summary = faust().generate_text("Ach", &options).unwrap();
        assert_eq!(summary.generated_tokens, 5);
    }
    let mut ignoring = with(5, 20);
    ignoring.ignore_eos = true;
    ignoring.stop_tokens.clear();
    assert!(matches!(
        faust().generate("Ach", &ignoring).map(drop),
        Err(GenerateError::Sampling(SamplingError::InvalidParam {
            parameter: "min_new_tokens",
            ..
        }))
    ));
    assert!(matches!(
        faust().generate("Ach", &with(21, 20)).map(drop),
        Err(GenerateError::MinAboveMax { min: 21, max: 20 })
    ));
}

#[test]
fn no_token_is_generated_after_max_time() {
    let out_of_time = options(10).with_max_time(Duration::ZERO);
    let summary = faust().generate_text("Ach", &out_of_time).unwrap();
    assert_eq!(
        (summary.reason, summary.generated_tokens),
        (FinishReason::MaxTime, 0)
    );
    let in_time = options(10).with_max_time(Duration::MAX);
    let summary = faust().generate_text("Ach", &in_time).unwrap();
    assert_eq!(summary.reason, FinishReason::MaxTokens);
}

#[test]
fn criteria_are_called_for_each_token_and_end_after_it() {
    let free = faust().generate_text("Ach", &options(20)).unwrap();
    let mut seen = 0;
    let mut generation = faust()
        .generate("Ach", &options(20))
        .unwrap()
        .with_stopping(|context: &StoppingContext<'_>| context.generated.len() == 7)
        .with_stopping(move |context: &StoppingContext<'_>| {
            seen += 1;
            assert_eq!(context.generated.len(), seen);
            assert!(!context.prompt.is_empty());
            false
        });
    let mut text = String::new();
    let summary = loop {
        match generation.next().unwrap().unwrap() {
            Event::Text { text: piece, .. } => text.push_str(&piece),
            Event::Finished(summary) => break summary,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(summary.reason, FinishReason::Criterion(0));
    assert_eq!(summary.ids, free.ids[..7]);
    assert_eq!(summary.text, text);
    assert!(free.text.starts_with(&text));
}
