//! The engine reuses caches of common prefixes, which changes no text.

use crate::fixtures::{faust, repository};
use crate::generation::engine::{content, endless, engine, rows, seeded};
use crate::generation::generator::wild;
use proptest::prelude::*;
use wolfgang_generate::{Device, Engine, EngineOptions, Precision, WolfgangGenerator};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Prompts of two ids have many prefixes in common; the small limit evicts some caches.
    #[test]
    fn prefix_cache_changes_no_text(
        prompts in proptest::collection::vec(proptest::collection::vec(300u32..302, 1..60), 1..8),
        entries in 0usize..4,
    ) {
        let mut cache = faust().model().new_cache().unwrap();
        // One page; most of the texts have two.
        cache.reserve(1).unwrap();
        let bytes = entries * cache.memory_bytes();
        let engine = engine(EngineOptions::default().with_prefix_cache_bytes(bytes));
        for (seed, prompt) in (0..).zip(&prompts) {
            let with = seeded(6, seed);
            let alone = faust().generate_text(prompt, &with).unwrap();
            let cached = engine.submit(prompt, &with).unwrap().into_summary().unwrap();
            prop_assert_eq!(content(&cached), content(&alone));
            prop_assert!(engine.stats().prefix_cache_bytes <= bytes);
        }
    }
}

/// int8 and f16 have caches of the same shape, with other keys and values; f32 has another cache.
#[test]
fn generations_of_several_models_do_not_share_caches() {
    let [int8, f16] = [Precision::Int8, Precision::F16].map(|precision| {
        let builder = WolfgangGenerator::builder(repository("models/faust"));
        let builder = builder.device(Device::flex()).precision(precision);
        builder.load().unwrap()
    });
    let engine = Engine::new(int8.clone(), EngineOptions::default()).unwrap();
    let prompt: Vec<u32> = (300..350).collect();
    let branched = [&prompt[..30], &[700, 701]].concat();
    for prompt in [&prompt, &prompt, &branched] {
        let handles = [&int8, &f16, faust()].map(|generator| {
            let alone = generator.generate_text(prompt, &wild(8)).unwrap();
            let generation = generator.generate(prompt, &wild(8)).unwrap();
            (engine.submit_generation(generation).unwrap(), alone)
        });
        for (handle, alone) in handles {
            assert_eq!(content(&handle.into_summary().unwrap()), content(&alone));
        }
    }
}

#[test]
fn prompts_that_continue_the_same_cache_at_once_share_it() {
    let engine = engine(EngineOptions::default().with_max_prefill_rows(rows(16)));
    let first: Vec<u32> = (300..340).collect();
    engine
        .submit(&first, &wild(1))
        .unwrap()
        .into_summary()
        .unwrap();
    let running = endless(&engine);
    let short = [&first[..], &[700]].concat();
    let long = [&first[..], &(700..800).collect::<Vec<u32>>()].concat();
    let handles = [short, long].map(|prompt| engine.submit(&prompt, &wild(20)).unwrap());
    let cached = handles.map(|handle| handle.into_summary().unwrap().cached_tokens);
    assert!(cached.iter().all(|cached| *cached >= 40), "{cached:?}");
    drop(running);
}

#[test]
fn prompts_reuse_the_longest_cached_prefix() {
    let engine = engine(EngineOptions::default());
    let text = |prompt: &[u32]| {
        let handle = engine.submit(prompt, &wild(5)).unwrap();
        handle.into_summary().unwrap()
    };
    let first: Vec<u32> = (300..350).collect();
    let begun = text(&first);
    assert_eq!(begun.cached_tokens, 0);
    // The last token of a text has no cache: nothing was computed after it.
    let whole = [&first[..], &begun.ids].concat();
    let continued = [&whole[..], &[400, 401]].concat();
    assert_eq!(text(&continued).cached_tokens, whole.len() - 1);
    let branched = [&first[..40], &[500, 501]].concat();
    assert_eq!(text(&branched).cached_tokens, 40);
    // What the branch took is still there.
    assert_eq!(text(&continued).cached_tokens, continued.len() - 1);
    // A copy for a few tokens is not worth its time.
    assert_eq!(text(&[300, 301, 302, 600]).cached_tokens, 0);
    // The generations of a session have their own cache.
    let session = faust().session();
    for expected in [0, first.len() - 1] {
        let generation = session.generate(&first, &wild(5)).unwrap();
        let handle = engine.submit_generation(generation).unwrap();
        assert_eq!(handle.into_summary().unwrap().cached_tokens, expected);
    }
}

#[test]
fn concurrent_prompts_that_begin_alike_are_computed_once() {
    let engine = engine(EngineOptions::default().with_max_prefill_rows(rows(16)));
    let running = endless(&engine);
    let prompt: Vec<u32> = (300..400).collect();
    let handles: Vec<_> = (0..4)
        .map(|seed| engine.submit(&prompt, &seeded(4, seed)).unwrap())
        .collect();
    let cached = handles
        .into_iter()
        .map(|handle| handle.into_summary().unwrap().cached_tokens);
    let mut cached: Vec<usize> = cached.collect();
    cached.sort_unstable();
    assert_eq!(cached, [0, 99, 99, 99]);
    drop(running);
}
