//! Invariant 7 of docs/architecture.md: a sampling step allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use wolfgang_sampling::{
    DryParams, DynamicTemperatureParams, History, LogitsProcessor, MirostatParams, PenaltyScope,
    RngKind, Sampler, SamplingError, SamplingParams, XtcParams,
};

/// Counts allocations per thread, so that those of the test harness do not count.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is forwarded to the system's allocator unchanged.
#[expect(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract, and `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_allocator_counts_allocations() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![0u8; 64]))), 1);
}

const VOCAB: usize = 32768;

/// Samples after texts of increasing length, and returns the steps that allocated.
fn steps_that_allocate(params: &SamplingParams) -> Result<Vec<usize>, SamplingError> {
    let logits: Vec<f32> = (0..VOCAB)
        .map(|i| ((i * 7919) % 10007) as f32 / 1000.0)
        .collect();
    // Periodic, so that steps that look for repetitions find some.
    let ids: Vec<u32> = (0..600).map(|i| i % 150).collect();
    let mut sampler = Sampler::new(params, VOCAB, 1)?.with_processor(Untouched);
    let mut step = logits.clone();
    let mut allocating = Vec::new();
    for n in 0..ids.len() / 100 {
        step.copy_from_slice(&logits);
        let history = History::new(&ids[..50], &ids[50..50 + n * 100]);
        let mut result = Ok(0);
        if allocations(|| result = sampler.sample(&mut step, history)) > 0 {
            allocating.push(n);
        }
        result?;
    }
    Ok(allocating)
}

struct Untouched;

impl LogitsProcessor for Untouched {
    fn process(&mut self, _: &mut [f32], _: History<'_>) {}
}

/// Enables all steps. None is so strict that later steps have nothing to do.
fn everything() -> SamplingParams {
    SamplingParams::default()
        .with_allowed_tokens((0..30_000).collect::<Vec<_>>())
        .with_banned_tokens([7, 9])
        .with_min_new_tokens(200)
        .with_end_tokens([0])
        .with_no_repeat_ngram_size(3)
        .with_logit_bias([(11, 1.0), (12, -1.0)])
        .with_frequency_penalty(0.1)
        .with_presence_penalty(0.1)
        .with_dry(DryParams::default().with_sequence_breakers([149]))
        .with_dynamic_temperature(DynamicTemperatureParams::new(0.5))
        .with_top_n_sigma(3.0)
        .with_top_k(20_000)
        .with_typical_p(0.99)
        .with_top_p(0.99)
        .with_min_p(1e-6)
        .with_xtc(
            XtcParams::default()
                .with_probability(1.0)
                .with_threshold(0.0001),
        )
        .with_mirostat(MirostatParams::default())
}

#[test]
fn a_sampling_step_allocates_nothing() {
    let chains = [
        SamplingParams::default(),
        SamplingParams::default().with_top_k(None),
        SamplingParams::default()
            .with_top_p(None)
            .with_repetition_window(512),
        SamplingParams::default().with_penalty_scope(PenaltyScope::Generated),
        SamplingParams::default().with_temperature(0.0),
        everything(),
        everything().with_rng(RngKind::Torch),
        everything()
            .with_temperature(0.0)
            .with_dynamic_temperature(None),
    ];
    for params in chains {
        assert_eq!(steps_that_allocate(&params).unwrap(), [], "{params:?}");
    }
}
