//! Law 7: a sampling step allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use wolfgang_sampling::{
    DryParams, DynamicTemperatureParams, History, LogitsProcessor, MirostatParams, PenaltyScope,
    RngKind, Sampler, SamplingError, SamplingParams, XtcParams,
};

/// Counts the allocations of each thread by itself, so that the test harness does not disturb.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes on to the system's allocator unchanged.
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
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![0u8; 64]))), 1);
}

const VOCAB: usize = 32768;

/// Takes steps behind ever longer texts, and says which of them allocated.
fn steps_that_allocate(params: &SamplingParams) -> Result<Vec<usize>, SamplingError> {
    let logits: Vec<f32> = (0..VOCAB)
        .map(|i| ((i * 7919) % 10007) as f32 / 1000.0)
        .collect();
    // It repeats itself, for those who look for that.
    let ids: Vec<u32> = (0..600).map(|i| i % 150).collect();
    let mut sampler = Sampler::new(params, VOCAB, 1)?.with_processor(Untouched);
    let mut step = logits.clone();
    let mut allocating = Vec::new();
    for n in 0..ids.len() / 100 {
        step.copy_from_slice(&logits);
        let history = History {
            prompt: &ids[..50],
            generated: &ids[50..50 + n * 100],
        };
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

/// Every step on, and none so strict that the steps behind it have nothing left to do.
fn everything() -> SamplingParams {
    SamplingParams {
        allowed_tokens: Some((0..30_000).collect()),
        banned_tokens: vec![7, 9],
        min_new_tokens: 200,
        end_tokens: vec![0],
        no_repeat_ngram_size: Some(3),
        logit_bias: vec![(11, 1.0), (12, -1.0)],
        frequency_penalty: 0.1,
        presence_penalty: 0.1,
        dry: Some(DryParams {
            sequence_breakers: vec![149],
            ..DryParams::default()
        }),
        dynamic_temperature: Some(DynamicTemperatureParams {
            range: 0.5,
            exponent: 1.0,
        }),
        top_n_sigma: Some(3.0),
        top_k: Some(20_000),
        typical_p: Some(0.99),
        top_p: Some(0.99),
        min_p: Some(1e-6),
        xtc: Some(XtcParams {
            probability: 1.0,
            threshold: 0.0001,
        }),
        mirostat: Some(MirostatParams::default()),
        ..SamplingParams::default()
    }
}

#[test]
fn a_sampling_step_allocates_nothing() {
    let chains = [
        SamplingParams::default(),
        SamplingParams {
            top_k: None,
            ..SamplingParams::default()
        },
        SamplingParams {
            top_p: None,
            repetition_window: 512,
            ..SamplingParams::default()
        },
        SamplingParams {
            penalty_scope: PenaltyScope::Generated,
            ..SamplingParams::default()
        },
        SamplingParams {
            temperature: 0.0,
            ..SamplingParams::default()
        },
        everything(),
        SamplingParams {
            rng: RngKind::Torch,
            ..everything()
        },
        SamplingParams {
            temperature: 0.0,
            dynamic_temperature: None,
            ..everything()
        },
    ];
    for params in chains {
        assert_eq!(steps_that_allocate(&params).unwrap(), [], "{params:?}");
    }
}
