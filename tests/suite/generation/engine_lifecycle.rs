//! Cancellation, order, statistics and the end of an engine.

use crate::fixtures::faust;
use crate::generation::engine::{content, endless, engine, rows, seeded};
use crate::generation::generator::wild;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use std::thread;
use wolfgang_generate::{
    Batch, Engine, EngineOptions, EngineStats, Event, FinishReason, GenerateError, GenerateOptions,
    GenerationHandle, StoppingContext, Summary,
};

/// Waits until the engine has published the end of its last request.
fn idle_stats(engine: &Engine) -> EngineStats {
    loop {
        let stats = engine.stats();
        if (stats.queued, stats.running) == (0, 0) {
            return stats;
        }
        thread::yield_now();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// Each request is dropped, or cancelled and read, after a number of events; some wait in the
    /// queue, some are in their prompt, some decode.
    #[test]
    fn requests_that_stay_give_their_texts_while_most_are_cancelled(
        fates in proptest::collection::vec((0u32..10, any::<bool>(), 0usize..4, 1u32..60), 200),
    ) {
        let options = EngineOptions::default()
            .with_max_queued(200)
            .with_max_running(8)
            .with_max_prefill_rows(rows(8));
        let engine = engine(options);
        let prompt = |length: u32| (300..300 + length).collect::<Vec<u32>>();
        let submit = |(seed, fate): (u64, &(u32, bool, usize, u32))| {
            engine.submit(&prompt(fate.3), &seeded(6, seed)).unwrap()
        };
        let handles: Vec<GenerationHandle> = (0..).zip(&fates).map(submit).collect();
        let mut staying = Vec::new();
        for (seed, (mut handle, fate)) in (0..).zip(handles.into_iter().zip(&fates)) {
            let &(stays, is_dropped, events, length) = fate;
            if stays == 0 {
                staying.push((seed, length, handle));
                continue;
            }
            if seed % 3 == 0 {
                handle.by_ref().take(events).for_each(drop);
            }
            if !is_dropped {
                handle.cancel_handle().cancel();
                let last = handle.last();
                prop_assert!(matches!(last, None | Some(Ok(Event::Finished(_)))), "{last:?}");
            }
        }
        for (seed, length, handle) in staying {
            let alone = faust().generate_text(&prompt(length), &seeded(6, seed)).unwrap();
            let summary = handle.into_summary().unwrap();
            prop_assert_eq!(content(&summary), content(&alone));
        }
        prop_assert_eq!(idle_stats(&engine).kv_cache_bytes, 0);
    }
}

#[test]
fn a_dropped_handle_leaves_the_queue_at_once() {
    let options = EngineOptions::default().with_max_running(1);
    let engine = engine(options);
    let running = endless(&engine);
    let [first, second, third] = [(); 3].map(|()| engine.submit("Weh", &wild(3)).unwrap());
    assert_eq!(engine.stats().queued, 3);
    drop(second);
    assert_eq!(engine.stats().queued, 2);
    drop(first.into_stream());
    assert_eq!(engine.stats().queued, 1);
    drop(running);
    let alone = faust().generate_text("Weh", &wild(3)).unwrap();
    assert_eq!(content(&third.into_summary().unwrap()), content(&alone));
}

/// Between the cancellation of a generation and its end, no other gets a token.
#[test]
fn cancellation_takes_no_forward_pass() {
    let long: Vec<u32> = (300..500).collect();
    // With 16 rows a pass, the prompt takes 13; after 3 tokens of the other it is not complete.
    for (prompt, tokens_before) in [(&long[..], 3), (&long[..5], 4)] {
        let mut batch = Batch::new().with_max_prefill_rows(rows(16));
        let other = batch.push(faust().generate("Ach", &wild(200)).unwrap());
        batch.next().unwrap().1.unwrap();
        let generation = faust().generate(prompt, &wild(200)).unwrap();
        let cancel_handle = generation.cancel_handle();
        let cancelled = batch.push(generation);
        for _ in 0..tokens_before {
            while batch.next().unwrap().0 != other {}
        }
        cancel_handle.cancel();
        let mut after = batch.skip_while(|(place, event)| {
            let is_end = matches!(event, Ok(Event::Finished(_)));
            *place != other && !is_end
        });
        let (place, event) = after.next().unwrap();
        let Event::Finished(summary) = event.unwrap() else {
            panic!("{place} generated a token before {cancelled} ended");
        };
        assert_eq!(
            (place, summary.reason),
            (cancelled, FinishReason::Cancelled)
        );
        let has_begun = summary.generated_tokens > 0;
        assert_eq!(has_begun, prompt.len() < 16);
    }
}

#[test]
fn requests_start_in_the_order_of_their_submission() {
    let engine = engine(EngineOptions::default().with_max_running(1));
    let running = endless(&engine);
    let order = Arc::new(Mutex::new(Vec::new()));
    let submit = |i: usize| {
        let order = Arc::clone(&order);
        let first_token = move |_: &StoppingContext<'_>| {
            order.lock().unwrap().push(i);
            true
        };
        let generation = faust().generate("Ach", &wild(5)).unwrap();
        engine
            .submit_generation(generation.with_stopping(first_token))
            .unwrap()
    };
    let handles: Vec<GenerationHandle> = (0..20).map(submit).collect();
    drop(running);
    for handle in handles {
        handle.into_summary().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[test]
fn statistics_are_the_sums_over_all_requests() {
    let engine = engine(EngineOptions::default().with_max_running(3));
    let shared: Vec<u32> = (300..340).collect();
    let prompt = |i: u32| [&shared[..], &[700 + i % 4]].concat();
    let submit = |i: u32| engine.submit(&prompt(i), &wild(i as usize)).unwrap();
    let handles: Vec<GenerationHandle> = (1..12).map(submit).collect();
    let summaries = handles
        .into_iter()
        .map(|handle| handle.into_summary().unwrap());
    let summaries: Vec<Summary> = summaries.collect();
    let sum = |of: fn(&Summary) -> usize| summaries.iter().map(of).sum::<usize>() as u64;
    let stats = engine.stats();
    assert_eq!(stats.generated_tokens, sum(|one| one.generated_tokens));
    assert_eq!(stats.cached_tokens, sum(|one| one.cached_tokens));
    let computed = sum(|one| one.prompt_tokens - one.cached_tokens);
    assert_eq!(stats.prompt_tokens, computed);
    assert!(stats.cached_tokens > 0);
    let running = endless(&engine);
    while engine.stats().kv_cache_bytes == 0 {
        thread::yield_now();
    }
    let mut page = faust().model().new_cache().unwrap();
    page.reserve(1).unwrap();
    let pages = engine.stats().kv_cache_bytes;
    assert_eq!(pages % page.memory_bytes(), 0, "{pages}");
    drop(running);
    assert_eq!(idle_stats(&engine).kv_cache_bytes, 0);
}

fn refused(engine: &Engine) -> bool {
    let error = engine.submit("Ach", &wild(1)).map(drop);
    matches!(error, Err(GenerateError::EngineClosed))
}

#[test]
fn a_closed_engine_finishes_its_requests() {
    let engine = engine(EngineOptions::default().with_max_running(1));
    let handles = [1, 2, 3].map(|seed| engine.submit("Ach", &seeded(10, seed)).unwrap());
    engine.clone().close();
    assert!(refused(&engine));
    for (seed, handle) in [1, 2, 3].into_iter().zip(handles) {
        let alone = faust().generate_text("Ach", &seeded(10, seed)).unwrap();
        assert_eq!(content(&handle.into_summary().unwrap()), content(&alone));
    }
}

#[test]
fn an_aborted_engine_cancels_its_requests() {
    let engine = engine(EngineOptions::default().with_max_running(2));
    let running = endless(&engine);
    let unlimited: GenerateOptions = wild(1_000_000);
    let waiting = [(); 5].map(|()| engine.submit("Weh", &unlimited).unwrap());
    engine.abort();
    assert!(refused(&engine));
    for handle in std::iter::once(running).chain(waiting) {
        let summary = handle.into_summary().unwrap();
        assert_eq!(summary.reason, FinishReason::Cancelled);
    }
}

/// Neither the engine's thread nor those of the kernels poll.
#[cfg(target_os = "linux")]
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a variable marks the process that measures"
)]
fn an_idle_engine_uses_no_processor_time() {
    use std::time::Duration;
    // Other tests of the same process use processor time, so the measurement has its own process.
    const MEASURE: &str = "WOLFGANG_TEST_MEASURE";
    if std::env::var_os(MEASURE).is_none() {
        let name = "generation::engine_lifecycle::an_idle_engine_uses_no_processor_time";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(MEASURE, "1")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains("1 passed"), "{printed}");
        return;
    }
    let on_cpu = || -> Duration {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let of_task = |task: std::io::Result<std::fs::DirEntry>| {
            // Nanoseconds on the processor come first.
            let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            text.split(' ').next().unwrap().parse::<u64>().unwrap()
        };
        Duration::from_nanos(tasks.map(of_task).sum())
    };
    let engine = engine(EngineOptions::default());
    engine
        .submit("Ach", &wild(5))
        .unwrap()
        .into_summary()
        .unwrap();
    idle_stats(&engine);
    // Kernel threads wait actively for a moment before they sleep.
    thread::sleep(Duration::from_millis(50));
    let before = on_cpu();
    thread::sleep(Duration::from_millis(400));
    let used = on_cpu() - before;
    assert!(used < Duration::from_millis(4), "{used:?}");
}
