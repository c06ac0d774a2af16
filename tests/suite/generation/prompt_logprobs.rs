//! The log-probabilities of a prompt, computed in its prefill, are those of its score.

use crate::fixtures::faust;
use crate::generation::engine::{content, endless, engine, rows};
use crate::generation::generator::{options, wild};
use crate::generation::logprobs::{tiny, with_the_tokenizer};
use proptest::prelude::*;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    Batch, Device, EngineOptions, Event, FinishReason, GenerateError, GenerationHandle, Score,
    ScoreOptions, Summary,
};

fn scored(prompt: &[u32], alternatives: usize) -> Score {
    let options = ScoreOptions::default().with_alternatives(alternatives);
    faust().score_with(prompt, &options).unwrap()
}

fn summaries(batch: Batch) -> Vec<Summary> {
    let mut summaries = Vec::new();
    for (place, event) in batch {
        if let Event::Finished(summary) = event.unwrap() {
            summaries.push((place, summary));
        }
    }
    summaries.sort_by_key(|(place, _)| *place);
    summaries.into_iter().map(|(_, summary)| summary).collect()
}

/// A request; without alternatives its prompt is not scored.
#[derive(Clone, Debug)]
struct Request {
    prompt: Vec<u32>,
    alternatives: Option<usize>,
    length: usize,
}

/// Prompts have prefixes in common, and the longest fill the context.
fn request() -> impl Strategy<Value = Request> {
    let prompt = (0usize..200, 1usize..57, 0u32..3);
    let prompt = prompt.prop_map(|(shared, own, kind)| {
        let own = (0..own as u32).map(|i| 700 + (i * 31 + kind) % 500);
        (300..300 + shared as u32).chain(own).collect()
    });
    let alternatives = proptest::option::weighted(0.7, 0usize..4);
    (prompt, alternatives, 0usize..4).prop_map(|(prompt, alternatives, length)| Request {
        prompt,
        alternatives,
        length,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn they_equal_the_score_in_any_company_in_any_chunks_and_with_any_cache(
        requests in proptest::collection::vec(request(), 1..6),
        chunk in proptest::option::of(1usize..80),
    ) {
        let with = |request: &Request| {
            wild(request.length).with_prompt_logprobs(request.alternatives)
        };
        let check = |request: &Request, summary: &Summary| {
            let score = request.alternatives.map(|n| scored(&request.prompt, n));
            prop_assert_eq!(&summary.prompt_logprobs, &score);
            let free = faust().generate_text(&request.prompt, &wild(request.length)).unwrap();
            prop_assert_eq!(content(summary), content(&free));
            prop_assert!(score.is_none() || summary.cached_tokens == 0);
            Ok(())
        };
        let limit = chunk.and_then(rows);
        let mut batch = Batch::new().with_max_prefill_rows(limit);
        for request in &requests {
            batch.push(faust().generate(&request.prompt, &with(request)).unwrap());
        }
        for (request, summary) in requests.iter().zip(summaries(batch)) {
            check(request, &summary)?;
        }
        let engine = engine(EngineOptions::default().with_max_prefill_rows(limit));
        let session = faust().session();
        for _ in 0..2 {
            let submit = |request: &Request| engine.submit(&request.prompt, &with(request)).unwrap();
            let handles: Vec<GenerationHandle> = requests.iter().map(submit).collect();
            for (request, handle) in requests.iter().zip(handles) {
                check(request, &handle.into_summary().unwrap())?;
                let summary = session.generate_text(&request.prompt, &with(request));
                check(request, &summary.unwrap())?;
            }
        }
    }
}

#[test]
fn they_come_before_the_generated_text_and_after_an_included_prompt() {
    let prompt: Vec<u32> = (300..330).collect();
    let with = |length| wild(length).with_prompt_logprobs(2);
    let score = scored(&prompt, 2);
    for length in [0, 1, 3] {
        let alone: Vec<Event> = faust()
            .generate(&prompt, &with(length))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(alone[0], Event::PromptLogprobs(score.clone()));
        let is_score = |event: &&Event| matches!(event, Event::PromptLogprobs(_));
        assert_eq!(alone.iter().filter(is_score).count(), 1);
        let engine = engine(EngineOptions::default());
        let mut handle = engine.submit(&prompt, &with(length)).unwrap();
        assert_eq!(handle.next().unwrap().unwrap(), alone[0]);
    }
    let generation = faust().generate(&prompt, &with(1).with_include_prompt(true));
    let events: Vec<Event> = generation.unwrap().take(2).map(Result::unwrap).collect();
    let Event::Text { ids, .. } = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!((ids, &events[1]), (&prompt, &Event::PromptLogprobs(score)));
}

#[test]
fn a_prompt_of_one_token_has_none_and_a_truncated_one_has_those_of_its_end() {
    let one = faust()
        .generate_text(&[300], &options(0).with_prompt_logprobs(1))
        .unwrap();
    let score = one.prompt_logprobs.unwrap();
    assert_eq!((score.ids, score.logprobs), (vec![300], vec![None]));
    assert_eq!(
        (one.reason, one.generated_tokens),
        (FinishReason::MaxTokens, 0)
    );

    let long: Vec<u32> = (300..600).collect();
    let summary = faust()
        .generate_text(&long, &wild(2).with_prompt_logprobs(1))
        .unwrap();
    let score = summary.prompt_logprobs.unwrap();
    let removed = summary.truncated_tokens;
    let expected = scored(&long[removed..], 1);
    assert!(removed > 0 && score.ids == long);
    assert!(score.logprobs[..removed].iter().all(Option::is_none));
    assert_eq!(score.logprobs[removed..], expected.logprobs);
    assert_eq!(score.alternatives[removed..], expected.alternatives);
}

/// More positions than logits are in memory for at once.
#[test]
fn a_prompt_of_several_passes_is_scored() {
    let checkpoint = Checkpoint::random(&tiny(700), 7).unwrap();
    let generator = with_the_tokenizer(checkpoint.into_model(&Device::flex()).unwrap());
    let prompt: Vec<u32> = (300..1000).collect();
    let expected = generator.score(&prompt).unwrap();
    let with = options(1).with_prompt_logprobs(0);
    let alone = generator.generate_text(&prompt, &with).unwrap();
    assert_eq!(alone.prompt_logprobs.as_ref(), Some(&expected));
    let pair = [(); 2].map(|()| generator.generate(&prompt, &with).unwrap());
    for summary in summaries(pair.into_iter().collect()) {
        assert_eq!(summary.prompt_logprobs.as_ref(), Some(&expected));
        assert_eq!(summary.ids, alone.ids);
    }
}

#[test]
fn a_generation_that_ends_before_has_none() {
    let with = wild(5).with_prompt_logprobs(1);
    let engine = engine(EngineOptions::default().with_max_running(1));
    let running = endless(&engine);
    let waiting = engine.submit("Ach", &with).unwrap();
    waiting.cancel_handle().cancel();
    let summary = waiting.into_summary().unwrap();
    assert_eq!(
        (summary.reason, summary.prompt_logprobs),
        (FinishReason::Cancelled, None)
    );
    drop(running);
    let limit = faust().model().config().vocab_size;
    let too_many = options(1).with_prompt_logprobs(limit + 1);
    assert!(matches!(
        faust().generate("Ach", &too_many),
        Err(GenerateError::TooManyAlternatives { n, .. }) if n == limit + 1
    ));
}
