//! Texts past the context with `ContextOverflow::Shift`.

use crate::fixtures::repository;
use crate::generation::engine::{content, rows};
use crate::generation::generator::{options, wild};
use std::num::NonZeroUsize;
use wolfgang_generate::{
    Batch, ContextOverflow, Engine, EngineOptions, Event, FinishReason, GenerateOptions,
    SamplingParams, Summary, WolfgangGenerator,
};

const CONTEXT: usize = 32;

fn generator(threads: usize) -> WolfgangGenerator {
    WolfgangGenerator::builder(repository("models/faust"))
        .context(NonZeroUsize::new(CONTEXT).unwrap())
        .threads(NonZeroUsize::new(threads).unwrap())
        .load()
        .unwrap()
}

fn shifting(max_new_tokens: usize) -> GenerateOptions {
    wild(max_new_tokens).with_context_overflow(ContextOverflow::Shift)
}

fn prompts() -> [Vec<u32>; 4] {
    [1, CONTEXT - 1, CONTEXT, 3 * CONTEXT].map(|len| (500..).take(len).collect())
}

/// The ids are those of a model that always computes its whole window.
#[test]
fn the_model_sees_the_last_half_of_each_full_context() {
    let generator = generator(2);
    let greedy = SamplingParams::default()
        .with_temperature(0.0)
        .with_repetition_penalty(1.0);
    let options = options(100)
        .with_sampling(greedy)
        .with_ignore_eos(true)
        .with_context_overflow(ContextOverflow::Shift);
    for prompt in prompts() {
        let found = generator.generate_text(&prompt, &options).unwrap();
        let mut seen = prompt[prompt.len().saturating_sub(CONTEXT)..].to_vec();
        let mut shifts = 0;
        let mut ids = Vec::new();
        while ids.len() < 100 {
            if seen.len() > CONTEXT {
                seen.drain(..seen.len() - CONTEXT / 2);
                shifts += 1;
            }
            let logits = generator.model().forward(&seen).unwrap();
            // Those of the last id.
            let logits = &logits[logits.len() - generator.model().config().vocab_size..];
            let largest = (0..logits.len())
                .rev()
                .max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
            let id = largest.unwrap() as u32;
            ids.push(id);
            seen.push(id);
        }
        assert_eq!(found.ids, ids);
        assert_eq!(found.context_shifts, shifts);
        assert_eq!(found.reason, FinishReason::MaxTokens);
    }
}

#[test]
fn the_text_is_the_same_alone_in_a_batch_in_a_session_and_in_an_engine() {
    let generator = generator(2);
    let alone = prompts().map(|prompt| generator.generate_text(&prompt, &shifting(80)).unwrap());
    let essence = |summary: &Summary| {
        let (reason, text, ids) = content(summary);
        (
            reason,
            text.to_owned(),
            ids.to_vec(),
            summary.context_shifts,
        )
    };
    for threads in [1, 3] {
        let other = self::generator(threads);
        let generations = prompts().map(|prompt| other.generate(&prompt, &shifting(80)).unwrap());
        let batch = Batch::from_iter(generations).with_max_prefill_rows(rows(5));
        let mut ends = 0;
        for (place, event) in batch {
            if let Event::Finished(summary) = event.unwrap() {
                assert_eq!(essence(&summary), essence(&alone[place]));
                ends += 1;
            }
        }
        assert_eq!(ends, alone.len());
    }
    let session = generator.session();
    let engine = Engine::new(generator.clone(), EngineOptions::default()).unwrap();
    for (prompt, alone) in prompts().iter().zip(&alone) {
        for _ in 0..2 {
            let after = session.generate_text(prompt, &shifting(80)).unwrap();
            assert_eq!(essence(&after), essence(alone));
            let handle = engine.submit(prompt, &shifting(80)).unwrap();
            assert_eq!(essence(&handle.into_summary().unwrap()), essence(alone));
        }
    }
}

#[test]
fn shifts_are_counted_only_when_they_are_computed() {
    let generator = generator(1);
    let prompt: Vec<u32> = (500..).take(CONTEXT).collect();
    let shifts = |n, overflow| {
        let options = wild(n).with_context_overflow(overflow);
        generator
            .generate_text(&prompt, &options)
            .unwrap()
            .context_shifts
    };
    // The first token needs no room, because it is not an input of the model.
    assert_eq!(shifts(1, ContextOverflow::Shift), 0);
    assert_eq!(shifts(2, ContextOverflow::Shift), 1);
    assert_eq!(shifts(CONTEXT / 2 + 2, ContextOverflow::Shift), 1);
    assert_eq!(shifts(CONTEXT / 2 + 3, ContextOverflow::Shift), 2);
    assert_eq!(shifts(4, ContextOverflow::SlidingWindow), 0);
}
