//! Prefill and decode, round by round.

use super::case::{Case, Speeds};
use super::limits::Limits;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use wolfgang_generate::WolfgangModel;
use wolfgang_model::{BatchEntry, KvCache, Op, Profile};

/// What one round measures, and how many there are.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Rounds {
    /// Lengths of prompts.
    pub(super) prefill: Vec<usize>,
    /// Positions to decode from.
    pub(super) depth: Vec<usize>,
    /// How many tokens to decode from each.
    pub(super) tokens: usize,
    /// How many sequences to decode together.
    pub(super) sequences: Vec<usize>,
    /// Which of the positions they are decoded from.
    pub(super) together_at: usize,
    pub(super) repetitions: usize,
}

/// Everything is measured once in each round, so that a noisy minute troubles all of it alike.
pub(super) fn measure(case: &Case, rounds: &Rounds) -> anyhow::Result<Speeds> {
    let model = case.load()?;
    let mut limits = Limits::new(&model)?;
    let none = |n: &usize| (*n, Vec::new());
    let mut speeds = Speeds {
        device: case.device.clone(),
        dtype: case.dtype.clone(),
        threads: model.threads(),
        instructions: limits.as_ref().map(|limits| limits.instructions()),
        weight_bytes: model.weight_bytes(),
        read: Vec::new(),
        multiply_adds: Vec::new(),
        prefill: rounds.prefill.iter().map(none).collect(),
        decode: rounds.depth.iter().map(none).collect(),
        together_at: rounds.together_at,
        together: rounds.sequences.iter().map(none).collect(),
        steps: Vec::new(),
    };
    let deepest = rounds.depth.iter().max().copied().unwrap_or(0);
    let ids = ids(&model, model.config().block_size);
    let mut cache = model.new_cache()?;
    let mut together = Together::new(&model, rounds, &ids)?;
    for repetition in 0..=rounds.repetitions {
        // The first round warms up.
        let counts = repetition > 0;
        let keep = |into: &mut Vec<f64>, rate: f64| {
            if counts {
                into.push(rate);
            }
        };
        if let Some(limits) = &mut limits {
            keep(&mut speeds.read, limits.read());
            keep(&mut speeds.multiply_adds, limits.multiply_adds());
        }
        for (length, rates) in &mut speeds.prefill {
            cache.clear();
            let begun = Instant::now();
            step(&model, &ids[..*length], &mut cache)?;
            keep(rates, *length as f64 / begun.elapsed().as_secs_f64());
        }
        if cache.len() < deepest {
            let start = cache.len();
            step(&model, &ids[start..deepest], &mut cache)?;
        }
        for (depth, rates) in speeds.decode.iter_mut().rev() {
            cache.truncate(*depth);
            let begun = Instant::now();
            for id in &ids[..rounds.tokens] {
                step(&model, &[*id], &mut cache)?;
            }
            keep(rates, rounds.tokens as f64 / begun.elapsed().as_secs_f64());
        }
        for (sequences, rates) in &mut speeds.together {
            let begun = Instant::now();
            together.decode(&model, *sequences, &ids[..rounds.tokens])?;
            let tokens = rounds.tokens * *sequences;
            keep(rates, tokens as f64 / begun.elapsed().as_secs_f64());
        }
    }
    cache.truncate(deepest);
    speeds.steps = steps(&model, &ids[..rounds.tokens], &mut cache)?;
    Ok(speeds)
}

/// Sequences that stand at the same position.
struct Together {
    caches: Vec<KvCache>,
    depth: usize,
}

impl Together {
    fn new(model: &WolfgangModel, rounds: &Rounds, ids: &[u32]) -> anyhow::Result<Self> {
        let depth = rounds.together_at;
        let most = rounds.sequences.iter().max().copied().unwrap_or(0);
        let cache = |_| {
            let mut cache = model.new_cache()?;
            if depth > 0 {
                step(model, &ids[..depth], &mut cache)?;
            }
            Ok(cache)
        };
        let caches = (0..most).map(cache).collect::<anyhow::Result<_>>()?;
        Ok(Self { caches, depth })
    }

    /// Takes so many of them through these ids.
    fn decode(
        &mut self,
        model: &WolfgangModel,
        sequences: usize,
        ids: &[u32],
    ) -> anyhow::Result<()> {
        let caches = &mut self.caches[..sequences];
        for cache in &mut *caches {
            cache.truncate(self.depth);
        }
        for id in ids.chunks_exact(1) {
            let batch = caches.iter_mut();
            let batch = batch.map(|cache| BatchEntry::new(id, cache));
            let logits = model.forward_batch(&mut batch.collect::<Vec<_>>())?;
            std::hint::black_box(logits);
        }
        Ok(())
    }
}

/// Seconds that each step of a token takes, and what none of them is.
fn steps(
    model: &WolfgangModel,
    ids: &[u32],
    cache: &mut KvCache,
) -> anyhow::Result<Vec<(String, f64)>> {
    if model.threads().is_none() {
        return Ok(Vec::new());
    }
    let mut profile = Profile::default();
    let begun = Instant::now();
    for id in ids {
        std::hint::black_box(model.forward_profiled(&[*id], cache, &mut profile)?);
    }
    let rest = begun.elapsed().saturating_sub(profile.total());
    let mut steps: Vec<_> = Op::ALL
        .map(|step| (step.name().to_owned(), profile.spent(step)))
        .into();
    steps.push(("everything else".to_owned(), rest));
    let of_one = |(name, spent): (String, Duration)| (name, spent.as_secs_f64() / ids.len() as f64);
    Ok(steps.into_iter().map(of_one).collect())
}

/// One call of the model, up to the logits in host memory.
pub(super) fn step(model: &WolfgangModel, ids: &[u32], cache: &mut KvCache) -> anyhow::Result<()> {
    std::hint::black_box(model.forward_cached(ids, cache)?);
    Ok(())
}

/// Ids in no order: which they are does not change how long it takes.
pub(super) fn ids(model: &WolfgangModel, n: usize) -> Vec<u32> {
    let vocab_size = model.config().vocab_size as u64;
    (0..n as u64)
        .map(|i| (i * 2_654_435_761 % vocab_size) as u32)
        .collect()
}
