//! Invariant 3: a seed determines the text, alone, in a batch, and in a session that reuses its
//! cache.

use crate::fixtures::{assert_close, faust, repository};
use crate::generation::generator::{options, wild};
use crate::parity::backends::Target;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    Batch, Device, Event, FinishReason, GenerateError, History, LogitsProcessor, ModelOptions,
    Prompt, SamplingParams, Summary, Tokenizer, WolfgangGenerator,
};

const PROMPTS: [&str; 5] = [
    "Habe nun, ach!",
    "Habe nun, ach! Philosophie",
    "Wer reitet so spät",
    "",
    "Es war",
];

/// The shipped model on one thread and on four.
fn by_threads() -> &'static [WolfgangGenerator; 2] {
    static GENERATORS: LazyLock<[WolfgangGenerator; 2]> = LazyLock::new(|| {
        [1, 4].map(|threads| {
            let options = ModelOptions::default().with_threads(NonZeroUsize::new(threads));
            let checkpoint = Checkpoint::open(repository("models/faust")).unwrap();
            let model = checkpoint.into_model_with(&Device::flex(), options, &mut ());
            let tokenizer = repository("models/faust/tokenizer.json");
            let tokenizer = Tokenizer::from_file(tokenizer).unwrap();
            WolfgangGenerator::new(model.unwrap(), tokenizer).unwrap()
        })
    });
    &GENERATORS
}

/// The part of a summary that prompt, options and seed determine.
fn essence(summary: &Summary) -> (FinishReason, &str, &[u32], usize) {
    (
        summary.reason,
        &summary.text,
        &summary.ids,
        summary.generated_tokens,
    )
}

/// The summaries in the order of their generations; every text is what its pieces are joined.
fn finish(batch: Batch) -> Vec<Summary> {
    let mut pieces: BTreeMap<usize, String> = BTreeMap::new();
    let mut summaries = BTreeMap::new();
    for (place, event) in batch {
        match event.unwrap() {
            Event::Text { text, .. } => pieces.entry(place).or_default().push_str(&text),
            Event::Finished(summary) => {
                assert_eq!(pieces.remove(&place).unwrap_or_default(), summary.text);
                assert!(summaries.insert(place, summary).is_none(), "one end only");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(pieces.is_empty(), "text without an end");
    summaries.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_text_is_the_same_alone_in_a_batch_in_a_session_and_with_any_number_of_threads(
        runs in proptest::collection::vec((0..PROMPTS.len(), any::<u64>(), 0usize..24), 1..7),
        threads in 0usize..2,
    ) {
        let with = |&(_, seed, length): &(usize, u64, usize)| wild(length).with_seed(seed);
        let alone: Vec<Summary> = runs
            .iter()
            .map(|run| faust().generate_text(PROMPTS[run.0], &with(run)).unwrap())
            .collect();

        let generator = &by_threads()[threads];
        let generations = runs.iter().map(|run| generator.generate(PROMPTS[run.0], &with(run)));
        let batch = generations.collect::<Result<Batch, _>>().unwrap();
        for (alone, together) in alone.iter().zip(finish(batch)) {
            prop_assert_eq!(essence(alone), essence(&together));
        }
        let session = generator.session();
        for (alone, run) in alone.iter().zip(&runs) {
            let after = session.generate_text(PROMPTS[run.0], &with(run)).unwrap();
            prop_assert_eq!(essence(alone), essence(&after));
        }
    }
}

/// Past the context every token is a prefill of the window, beside others that are not there yet.
#[test]
fn sequences_of_every_length_share_a_batch() {
    let long: Vec<u32> = (0..300).map(|i| 200 + i).collect();
    let prompts: [Prompt<'_>; 3] = [Prompt::Ids(&long[..250]), Prompt::Ids(&long), "Ach".into()];
    let batch: Result<Batch, _> = prompts
        .iter()
        .map(|prompt| faust().generate(*prompt, &wild(10)))
        .collect();
    for (prompt, together) in prompts.iter().zip(finish(batch.unwrap())) {
        let alone = faust().generate_text(*prompt, &wild(10)).unwrap();
        assert_eq!(essence(&alone), essence(&together));
        assert_eq!(alone.truncated_tokens, together.truncated_tokens);
    }
}

#[test]
fn finished_generations_leave_a_batch_and_others_join() {
    let mut batch = Batch::new();
    batch.push(faust().generate("Ach", &options(3)).unwrap());
    batch.push(faust().generate("Ach", &options(30)).unwrap());
    let mut ends = Vec::new();
    while let Some((place, event)) = batch.next() {
        if let Event::Finished(summary) = event.unwrap() {
            ends.push((place, summary.generated_tokens));
            if place == 0 {
                let joined = batch.push(faust().generate("Weh", &options(5)).unwrap());
                assert_eq!((joined, batch.running()), (2, 2));
            }
        }
    }
    assert_eq!(ends, [(0, 3), (2, 5), (1, 30)]);
    assert_eq!(batch.running(), 0);
    assert!(batch.next().is_none());
}

#[test]
fn samples_count_their_seeds_up_and_compute_the_prompt_once() {
    let with = wild(12).with_seed(u64::MAX);
    let samples = finish(faust().generate_n("Habe nun, ach!", &with, 3).unwrap());
    assert_eq!(samples.len(), 3);
    let prompt_tokens = samples[0].prompt_tokens;
    for (sample, seed) in samples.iter().zip([u64::MAX, 0, 1]) {
        let with = wild(12).with_seed(seed);
        let alone = faust().generate_text("Habe nun, ach!", &with).unwrap();
        assert_eq!(essence(&alone), essence(sample));
        assert_eq!((sample.seed, alone.cached_tokens), (seed, 0));
    }
    let reused: Vec<_> = samples.iter().map(|sample| sample.cached_tokens).collect();
    assert_eq!(reused, [0, prompt_tokens - 1, prompt_tokens - 1]);

    let drawn = wild(4).with_seed(None);
    let drawn = finish(faust().generate_n("Ach", &drawn, 2).unwrap());
    assert_eq!(drawn[1].seed, drawn[0].seed.wrapping_add(1));
    for n in [0, 257, usize::MAX] {
        assert!(matches!(
            faust().generate_n("Ach", &options(1), n).map(drop),
            Err(GenerateError::SampleCount { n: found, limit: 256 }) if found == n
        ));
    }
    let most = faust().generate_n("Ach", &options(1), 256).unwrap();
    assert_eq!(most.running(), 256);
}

#[test]
fn prompts_of_a_batch_share_a_common_prefix() {
    let common: Vec<u32> = (300..330).collect();
    let with_end = |end: u32| [&common[..], &[end]].concat();
    let prompts = [with_end(400), with_end(401), vec![300, 5, 6, 7]];
    let batch: Result<Batch, _> = prompts
        .iter()
        .map(|prompt| faust().generate(prompt, &wild(3)))
        .collect();
    let reused: Vec<_> = finish(batch.unwrap())
        .iter()
        .map(|summary| summary.cached_tokens)
        .collect();
    assert_eq!(
        reused,
        [0, 30, 0],
        "one token in common is not worth a copy"
    );
}

struct NotANumber;

impl LogitsProcessor for NotANumber {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        logits[3] = f32::NAN;
    }
}

#[test]
fn an_error_ends_its_generation_and_not_the_others() {
    let broken = faust().generate("Ach", &options(5)).unwrap();
    let mut batch: Batch = [
        broken.with_processor(NotANumber),
        faust().generate("Ach", &options(5)).unwrap(),
    ]
    .into_iter()
    .collect();
    let mut errors = 0;
    let mut ended = None;
    for (place, event) in &mut batch {
        match event {
            Err(error) => {
                let GenerateError::GenerationFailed { source, partial } = error else {
                    panic!("{error}");
                };
                assert!(matches!(*source, GenerateError::Sampling(_)), "{source}");
                assert_eq!(partial.reason, FinishReason::Error);
                assert_eq!(place, 0);
                errors += 1;
            }
            Ok(Event::Finished(summary)) => {
                assert_eq!(place, 1);
                ended = Some(summary);
            }
            Ok(_) => assert_eq!(place, 1),
        }
    }
    assert_eq!(errors, 1);
    let alone = faust().generate_text("Ach", &options(5)).unwrap();
    assert_eq!(essence(&ended.unwrap()), essence(&alone));
}

#[test]
fn a_session_computes_only_new_tokens() {
    let session = faust().session();
    let first = session.generate_text("Habe nun, ach!", &wild(20)).unwrap();
    assert_eq!(first.cached_tokens, 0);
    let prompt = faust().tokenizer().encode("Habe nun, ach!").unwrap();
    let told: Vec<u32> = [&prompt[..], &first.ids].concat();
    assert_eq!(session.ids(), &told[..told.len() - 1]);

    let longer = [&told[..], &[400, 401]].concat();
    let second = session.generate_text(&longer, &wild(20)).unwrap();
    assert_eq!(second.cached_tokens, told.len() - 1);
    let afresh = faust().generate_text(&longer, &wild(20)).unwrap();
    assert_eq!(essence(&second), essence(&afresh));

    // The same prompt again: its last token is computed again, for its logits.
    let again = session.generate_text(&longer, &wild(20)).unwrap();
    assert_eq!(again.cached_tokens, longer.len() - 1);
    assert_eq!(essence(&again), essence(&afresh));
}

/// Invariant 3 on any device: reused positions were computed in other chunks, so probabilities are
/// equal up to rounding.
pub(crate) fn batches_and_sessions_change_results_only_by_rounding(on: &Target) {
    let greedy = options(8)
        .with_sampling(SamplingParams::default().with_temperature(0.0))
        .with_logprobs(0);
    let prompt = "Habe nun, ach! Philosophie";
    let alone = on.faust.generate_text(prompt, &greedy).unwrap();
    let mut others = finish(on.faust.generate_n(prompt, &greedy, 2).unwrap());
    let session = on.faust.session();
    session.generate_text("Habe nun, ach!", &greedy).unwrap();
    others.push(session.generate_text(prompt, &greedy).unwrap());
    assert!(others[1..].iter().all(|other| other.cached_tokens > 0));
    let likely = |summary: &Summary| -> Vec<f32> {
        let told = summary.logprobs.iter();
        told.map(|token| token.chosen.model).collect()
    };
    for other in &others {
        assert_eq!(other.ids, alone.ids);
        assert_close(&likely(other), &likely(&alone), on.tolerance, "in company");
    }
}

#[test]
fn a_session_truncates_and_forks() {
    let prompt: Vec<u32> = (500..540).collect();
    let other = [&prompt[..10], &[7, 8, 9]].concat();
    let mut session = faust().session();
    session.generate_text(&prompt, &wild(5)).unwrap();
    let fork = session.clone();
    let forked = fork.generate_text(&other, &wild(15)).unwrap();
    let afresh = faust().generate_text(&other, &wild(15)).unwrap();
    assert_eq!(essence(&forked), essence(&afresh));
    assert_eq!(forked.cached_tokens, 10);

    // What the fork computed has not touched where it came from.
    assert_eq!(session.ids().len(), 44);
    session.truncate(20);
    assert_eq!(session.ids(), &prompt[..20]);
    let rewound = session.generate_text(&prompt, &wild(15)).unwrap();
    assert_eq!(rewound.cached_tokens, 20);
    let afresh = faust().generate_text(&prompt, &wild(15)).unwrap();
    assert_eq!(essence(&rewound), essence(&afresh));
    session.truncate(1000);
    assert_eq!(session.ids().len(), prompt.len() + 14);
}

/// Dropped in the middle, a generation leaves its session what is computed.
#[test]
fn a_session_can_be_used_after_a_dropped_or_sliding_generation() {
    let session = faust().session();
    let mut generation = session.generate("Wer reitet", &wild(50)).unwrap();
    for _ in 0..3 {
        generation.next().unwrap().unwrap();
    }
    drop(generation);
    let afresh = faust().generate_text("Wer reitet", &wild(8)).unwrap();
    let after = session.generate_text("Wer reitet", &wild(8)).unwrap();
    assert!(after.cached_tokens > 0);
    assert_eq!(essence(&after), essence(&afresh));

    let long: Vec<u32> = (0..250).map(|i| 200 + i).collect();
    let slid = session.generate_text(&long, &wild(10)).unwrap();
    let afresh = faust().generate_text(&long, &wild(10)).unwrap();
    assert_eq!(essence(&slid), essence(&afresh));
}

#[test]
fn generations_of_a_batch_can_have_different_options() {
    let greedy = options(10).with_sampling(SamplingParams::default().with_temperature(0.0));
    let batch: Batch = [
        faust().generate("Ach", &greedy).unwrap(),
        faust().generate("Ach", &wild(10)).unwrap(),
    ]
    .into_iter()
    .collect();
    let both = finish(batch);
    let alone = [&greedy, &wild(10)].map(|with| faust().generate_text("Ach", with).unwrap());
    assert_eq!(essence(&both[0]), essence(&alone[0]));
    assert_eq!(essence(&both[1]), essence(&alone[1]));
    assert_ne!(both[0].ids, both[1].ids);
}
