//! Law 7: a sampling step allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use wolfgang_sampling::{History, PenaltyScope, Sampler, SamplingParams};

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

#[test]
fn a_sampling_step_allocates_nothing() {
    const VOCAB: usize = 32768;
    let logits: Vec<f32> = (0..VOCAB)
        .map(|i| ((i * 7919) % 10007) as f32 / 1000.0)
        .collect();
    let ids: Vec<u32> = (0..600).collect();
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
            penalize: PenaltyScope::Generated,
            ..SamplingParams::default()
        },
        SamplingParams {
            temperature: 0.0,
            ..SamplingParams::default()
        },
    ];
    for params in chains {
        let mut sampler = Sampler::new(&params, VOCAB, 1).unwrap();
        let mut step = logits.clone();
        for n in 0..ids.len() / 100 {
            step.copy_from_slice(&logits);
            let history = History {
                prompt: &ids[..50],
                generated: &ids[50..50 + n * 100],
            };
            let count = allocations(|| {
                sampler.sample(&mut step, history).unwrap();
            });
            assert_eq!(count, 0, "step {n} of {params:?}");
        }
    }
}
