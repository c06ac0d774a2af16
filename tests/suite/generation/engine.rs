//! The engine: each of many callers gets the text that its request gives alone.

use crate::fixtures::{faust, repository};
use crate::generation::generator::{options, wild};
use futures_util::StreamExt;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    Batch, Device, Engine, EngineOptions, Event, FinishReason, GenerateError, GenerateOptions,
    GenerationHandle, History, LogitsProcessor, ModelOptions, StoppingContext, Summary, Tokenizer,
    WolfgangGenerator,
};

pub(crate) fn engine(options: EngineOptions) -> Engine {
    Engine::new(faust().clone(), options).unwrap()
}

pub(crate) fn seeded(max_new_tokens: usize, seed: u64) -> GenerateOptions {
    let mut options = wild(max_new_tokens);
    options.seed = Some(seed);
    options
}

/// The part of a summary that prompt, options and seed determine.
pub(crate) fn content(summary: &Summary) -> (FinishReason, &str, &[u32]) {
    (summary.reason, &summary.text, &summary.ids)
}

pub(crate) fn rows(n: usize) -> Option<NonZeroUsize> {
    NonZeroUsize::new(n)
}

/// A request, and what the generator makes of it without an engine.
struct Case {
    prompt: Vec<u32>,
    options: GenerateOptions,
    alone: Summary,
}

/// Requests with prompts of many lengths, some with a common prefix, and one longer than the
/// context.
fn cases(n: usize) -> Vec<Case> {
    let mut random = ChaCha8Rng::seed_from_u64(17);
    let mut below = |limit: u32| random.next_u32() % limit;
    let mut case = |i: usize| {
        let shared = below(3) * 20;
        let is_beyond_the_context = i == 0;
        let (length, max_new_tokens) = match is_beyond_the_context {
            true => (300, 2),
            false => (1 + below(60), below(16)),
        };
        let own = (0..length).map(|_| 300 + below(1000)).collect::<Vec<_>>();
        let prompt: Vec<u32> = (400..400 + shared).chain(own).collect();
        let options = seeded(max_new_tokens as usize, u64::from(below(u32::MAX)));
        let alone = faust().generate_text(&prompt, &options).unwrap();
        Case {
            prompt,
            options,
            alone,
        }
    };
    (0..n).map(&mut case).collect()
}

/// One caller: reads all events, or cancels or drops the handle after some of them.
fn call(engine: &Engine, case: &Case, random: &mut ChaCha8Rng) {
    thread::sleep(Duration::from_micros(u64::from(random.next_u32() % 20_000)));
    let mut handle = engine.submit(&case.prompt, &case.options).unwrap();
    let chance = random.next_u32() % 100;
    let leaves = chance < 30;
    if !leaves {
        let summary = handle.into_summary().unwrap();
        assert_eq!(content(&summary), content(&case.alone));
        return;
    }
    let mut text = String::new();
    for event in handle.by_ref().take(random.next_u32() as usize % 8) {
        if let Event::Text { text: piece, .. } = event.unwrap() {
            text.push_str(&piece);
        }
    }
    assert!(case.alone.text.starts_with(&text));
    if chance < 15 {
        handle.cancel_handle().cancel();
        let last = handle.last();
        if let Some(last) = last {
            let Event::Finished(summary) = last.unwrap() else {
                panic!("the last event is the end");
            };
            assert!(case.alone.ids.starts_with(&summary.ids));
        }
    }
}

#[test]
fn concurrent_requests_give_the_texts_that_each_gives_alone() {
    static BY_THREADS: LazyLock<[WolfgangGenerator; 2]> = LazyLock::new(|| {
        [1, 2].map(|threads| {
            let mut options = ModelOptions::default();
            options.threads = NonZeroUsize::new(threads);
            let checkpoint = Checkpoint::open(repository("models/faust")).unwrap();
            let model = checkpoint.into_model_with(&Device::flex(), options, &mut ());
            let tokenizer = repository("models/faust/tokenizer.json");
            let tokenizer = Tokenizer::from_file(tokenizer).unwrap();
            WolfgangGenerator::new(model.unwrap(), tokenizer).unwrap()
        })
    });
    let cases = cases(32);
    for (round, generator) in BY_THREADS.iter().enumerate() {
        // One row at a time and no limit are the ends of the range; each has one of the thread
        // counts.
        let limits = [[rows(1), rows(64)], [rows(16), None]];
        for limit in limits[round] {
            let options = EngineOptions::default()
                .with_max_running(6)
                .with_max_prefill_rows(limit);
            let engine = Engine::new(generator.clone(), options).unwrap();
            thread::scope(|scope| {
                for (i, case) in (0..).zip(&cases) {
                    let engine = engine.clone();
                    let mut random = ChaCha8Rng::seed_from_u64(i + 100 * round as u64);
                    scope.spawn(move || call(&engine, case, &mut random));
                }
            });
            wait_until_idle(&engine);
        }
    }
}

/// Submits one more request, after which none of those before it can be queued or running.
fn wait_until_idle(engine: &Engine) {
    loop {
        let last = engine.submit("Ach", &options(0)).unwrap();
        last.into_summary().unwrap();
        let stats = engine.stats();
        if (stats.queued, stats.running) == (0, 0) {
            return;
        }
        thread::yield_now();
    }
}

/// Counts how many generations exist.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LogitsProcessor for Counted {
    fn process(&mut self, _logits: &mut [f32], _history: History<'_>) {}
}

#[test]
fn cancelled_requests_are_dropped_and_change_no_text() {
    let cache_limit = 4 << 20;
    let options = EngineOptions::default()
        .with_max_queued(40)
        .with_prefix_cache_bytes(cache_limit);
    let engine = engine(options);
    let exist = Arc::new(AtomicUsize::new(0));
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut held: Vec<GenerationHandle> = Vec::new();
    let mut cancelled = 0;
    while cancelled < 10_000 {
        let with = seeded(20, cancelled);
        let prompt = [300 + random.next_u32() % 1000; 3];
        let generation = faust().generate(&prompt, &with).unwrap();
        let generation = generation.with_processor(Counted::new(&exist));
        match engine.submit_generation(generation) {
            Ok(handle) => held.push(handle),
            Err(error) => assert!(
                matches!(error, GenerateError::QueueFull { limit: 40 }),
                "{error}"
            ),
        }
        while held.len() > random.next_u32() as usize % 40 {
            let at = random.next_u32() as usize % held.len();
            let mut handle = held.swap_remove(at);
            match random.next_u32() % 200 {
                0 => drop(handle.next()),
                1..100 => handle.cancel_handle().cancel(),
                _ => {}
            }
            cancelled += 1;
        }
    }
    drop(held);
    wait_until_idle(&engine);
    assert_eq!(exist.load(Ordering::Relaxed), 0);
    let stats = engine.stats();
    assert!(stats.prefix_cache_bytes <= cache_limit, "{stats:?}");
    let expected = faust().generate_text("Ach", &wild(20)).unwrap();
    let summary = engine.submit("Ach", &wild(20)).unwrap().into_summary();
    assert_eq!(content(&summary.unwrap()), content(&expected));
}

/// Keeps the engine busy until it is dropped.
pub(crate) fn endless(engine: &Engine) -> GenerationHandle {
    let mut handle = engine.submit("Ach", &wild(1_000_000)).unwrap();
    handle.next().unwrap().unwrap();
    handle
}

#[test]
fn a_full_queue_is_an_error_until_there_is_room() {
    let engine = engine(
        EngineOptions::default()
            .with_max_running(1)
            .with_max_queued(2),
    );
    let running = endless(&engine);
    let submit = || engine.submit("Weh", &wild(3));
    let [first, second] = [submit().unwrap(), submit().unwrap()];
    let error = submit().unwrap_err();
    assert!(matches!(error, GenerateError::QueueFull { limit: 2 }));
    assert_eq!(
        error.to_string(),
        "the engine's queue is full: 2 requests are waiting; try again later"
    );
    assert_eq!((engine.stats().queued, engine.stats().running), (2, 1));
    // A request that waits can be cancelled, and ends although nothing else does.
    first.cancel_handle().cancel();
    let summary = first.into_summary().unwrap();
    assert_eq!(
        (summary.reason, summary.ids.len()),
        (FinishReason::Cancelled, 0)
    );
    let third = submit().unwrap();
    // Nor does one without a handle take a place.
    drop(third);
    let fourth = submit().unwrap();
    drop(running);
    let expected = faust().generate_text("Weh", &wild(3)).unwrap();
    for waited in [second, fourth] {
        assert_eq!(content(&waited.into_summary().unwrap()), content(&expected));
    }
}

#[test]
fn errors_of_one_request_do_not_affect_others() {
    struct NotANumber;
    impl LogitsProcessor for NotANumber {
        fn process(&mut self, logits: &mut [f32], history: History<'_>) {
            if history.generated.len() == 2 {
                logits[0] = f32::NAN;
            }
        }
    }
    let engine = engine(EngineOptions::default());
    let invalid = engine.submit("Ach", &{
        let mut options = options(3);
        options.stop_strings = vec![String::new()];
        options
    });
    assert!(matches!(
        invalid,
        Err(GenerateError::EmptyStopString { index: 0 })
    ));

    let begin = || faust().generate("Ach", &wild(20)).unwrap();
    let panics = |context: &StoppingContext<'_>| {
        assert!(context.generated.len() < 4, "four are too many");
        false
    };
    let good = engine.submit("Ach", &wild(20)).unwrap();
    let broken = engine.submit_generation(begin().with_processor(NotANumber));
    let panicking = engine.submit_generation(begin().with_stopping(panics));
    let expected = faust().generate_text("Ach", &wild(20)).unwrap();
    for (handle, message, generated) in [
        (broken, "the logit of token id 0 is NaN", 2),
        (panicking, "criterion panicked: four are too many", 4),
    ] {
        let error = handle.unwrap().into_summary().unwrap_err();
        let GenerateError::GenerationFailed { source, partial } = error else {
            panic!("{error}");
        };
        assert!(source.to_string().contains(message), "{source}");
        assert_eq!(partial.reason, FinishReason::Error);
        assert_eq!(partial.ids, expected.ids[..generated]);
    }
    assert_eq!(content(&good.into_summary().unwrap()), content(&expected));
    let after = engine.submit("Ach", &wild(20)).unwrap().into_summary();
    assert_eq!(content(&after.unwrap()), content(&expected));
}

#[test]
fn requests_are_finished_after_the_engine_is_dropped() {
    let engine = engine(EngineOptions::default().with_max_running(1));
    let handles = [1, 2].map(|seed| engine.submit("Ach", &seeded(10, seed)).unwrap());
    drop(engine);
    for (seed, mut handle) in [1, 2].into_iter().zip(handles) {
        let expected = faust().generate_text("Ach", &seeded(10, seed)).unwrap();
        let last = handle.by_ref().last().unwrap().unwrap();
        let Event::Finished(summary) = last else {
            panic!("the last event is the end");
        };
        assert_eq!(content(&summary), content(&expected));
        assert!(handle.next().is_none());
        assert!(matches!(
            handle.into_summary(),
            Err(GenerateError::EngineStopped)
        ));
    }
}

#[test]
fn a_failed_generation_is_dropped_while_the_engine_is_idle() {
    let engine = engine(EngineOptions::default());
    let exist = Arc::new(AtomicUsize::new(0));
    let generation = faust().generate("Ach", &wild(9)).unwrap();
    let generation = generation
        .with_processor(Counted::new(&exist))
        .with_stopping(|_: &StoppingContext<'_>| panic!("not even one"));
    let handle = engine.submit_generation(generation).unwrap();
    handle.into_summary().unwrap_err();
    while exist.load(Ordering::Relaxed) > 0 {
        thread::yield_now();
    }
}

/// A sliding window is computed again for each token, in chunks. With 15 rows its last chunk is a
/// single row, as that of a decoding generation.
#[test]
fn sliding_windows_and_prompts_alternate() {
    let beyond: Vec<u32> = (300..600).collect();
    let prompt: Vec<u32> = (700..730).collect();
    let mut batch = Batch::new().with_max_prefill_rows(rows(15));
    batch.push(faust().generate("Ach", &wild(200)).unwrap());
    let sliding = batch.push(faust().generate(&beyond, &wild(1000)).unwrap());
    let is_of = |place| move |event: &(usize, Result<Event, GenerateError>)| event.0 == place;
    batch.find(is_of(sliding)).unwrap().1.unwrap();
    let last = batch.push(faust().generate(&prompt, &wild(1)).unwrap());
    let between = batch.by_ref().take_while(|event| event.0 != last);
    let of_sliding = between.filter(is_of(sliding)).count();
    assert!(of_sliding <= 2, "{of_sliding}");
}

#[test]
fn generations_that_have_begun_or_are_over_can_be_submitted() {
    let engine = engine(EngineOptions::default());
    let expected = faust().generate_text("Ach", &wild(10)).unwrap();
    for steps in [1, usize::MAX] {
        let mut generation = faust().generate("Ach", &wild(10)).unwrap();
        for event in generation.by_ref().take(steps) {
            event.unwrap();
        }
        let handle = engine.submit_generation(generation).unwrap();
        assert_eq!(content(&handle.into_summary().unwrap()), content(&expected));
    }
}

/// A chunk of a prompt delays the next token of others by one pass, however long the prompt is.
#[test]
fn decoding_continues_while_a_prompt_is_computed_in_chunks() {
    let long: Vec<u32> = (300..500).collect();
    let mut batch = Batch::new().with_max_prefill_rows(rows(16));
    let short = batch.push(faust().generate("Ach", &wild(60)).unwrap());
    batch.next().unwrap().1.unwrap();
    let prompt = batch.push(faust().generate(&long, &wild(3)).unwrap());
    let waiting = batch.push(faust().generate("Weh", &wild(3)).unwrap());
    let mut order = Vec::new();
    let mut summaries = Vec::new();
    for (place, event) in batch {
        match event.unwrap() {
            Event::Text { .. } => order.push(place),
            Event::Finished(summary) => summaries.push((place, summary)),
            other => panic!("{other:?}"),
        }
    }
    let first = |place| order.iter().position(|other| *other == place).unwrap();
    // 200 rows are 13 passes of 16; silent ids may keep back some of the events.
    let before = order[..first(prompt)].iter().filter(|one| **one == short);
    assert!((10..=13).contains(&before.count()), "{order:?}");
    assert!(
        first(waiting) > first(prompt),
        "prompts are computed in order"
    );
    for (place, summary) in summaries {
        let alone = match place {
            0 => faust().generate_text("Ach", &wild(60)),
            1 => faust().generate_text(&long, &wild(3)),
            _ => faust().generate_text("Weh", &wild(3)),
        };
        assert_eq!(content(&summary), content(&alone.unwrap()));
    }
}

#[test]
fn streams_have_the_events_of_iterators() {
    let engine = engine(EngineOptions::default());
    let handle = || engine.submit("Ach", &wild(12)).unwrap();
    let events: Vec<Event> = handle().map(Result::unwrap).collect();
    let Some(Event::Finished(summary)) = events.last() else {
        panic!("{events:?}");
    };
    let streamed: Vec<_> = pollster::block_on(handle().into_stream().collect());
    let texts = |events: &[Event]| -> Vec<String> {
        let text = |event: &Event| match event {
            Event::Text { text, .. } => Some(text.clone()),
            _ => None,
        };
        events.iter().filter_map(text).collect()
    };
    let streamed: Vec<Event> = streamed.into_iter().map(Result::unwrap).collect();
    assert_eq!(texts(&streamed), texts(&events));
    let awaited = pollster::block_on(handle().into_stream().into_summary()).unwrap();
    assert_eq!(content(&awaited), content(summary));
}
