//! Throughput of prefill and decoding, measured in turn.

use crate::BenchError;
use crate::case::{Case, ThroughputSamples, Workload};
use crate::forward::{forward, load, token_ids};
use crate::roofline;
use std::time::{Duration, Instant};
use wolfgang_kernels::Isa;
use wolfgang_model::{BatchEntry, KvCache, ModelError, Op, Profile, WolfgangModel};

/// Measures everything once in each repetition, so that other load on the machine affects all of it
/// alike.
pub(crate) fn measure(case: &Case, workload: &Workload) -> Result<ThroughputSamples, BenchError> {
    let model = load(case)?;
    let mut limits = roofline::of_model(&model)?;
    let no_samples = |n: &usize| (*n, Vec::new());
    let mut samples = ThroughputSamples {
        threads: model.threads(),
        instructions: limits.as_ref().map(|_| Isa::best().name().to_owned()),
        weight_bytes: model.weight_bytes(),
        bandwidth: Vec::new(),
        peak_fma: Vec::new(),
        prefill: workload.prefill.iter().map(no_samples).collect(),
        decode: workload.depth.iter().map(no_samples).collect(),
        batch_depth: workload.batch_depth,
        batch: workload.sequences.iter().map(no_samples).collect(),
        ops: Vec::new(),
        prefill_ops: Vec::new(),
    };
    let deepest = workload.depth.last().copied().unwrap_or(0);
    let longest = workload.prefill.iter().max().copied().unwrap_or(0);
    let ids = token_ids(&model, longest.max(deepest).max(workload.tokens));
    let decoded = &ids[..workload.tokens];
    let mut cache = model.new_cache()?;
    let mut batch = DecodeBatch::new(&model, workload, &ids)?;
    for repetition in 0..=workload.repetitions {
        // The first repetition is a warm-up.
        let keep = |samples: &mut Vec<f64>, sample: f64| {
            if repetition > 0 {
                samples.push(sample);
            }
        };
        if let Some((roofline, format)) = &mut limits {
            keep(&mut samples.bandwidth, roofline.bandwidth());
            keep(&mut samples.peak_fma, roofline.peak_fma(*format));
        }
        for (length, rates) in &mut samples.prefill {
            cache.clear();
            let start = Instant::now();
            forward(&model, &ids[..*length], &mut cache)?;
            keep(rates, *length as f64 / start.elapsed().as_secs_f64());
        }
        extend(&model, &ids[..deepest], &mut cache)?;
        for (depth, rates) in samples.decode.iter_mut().rev() {
            cache.truncate(*depth);
            let start = Instant::now();
            for id in decoded {
                forward(&model, &[*id], &mut cache)?;
            }
            keep(rates, decoded.len() as f64 / start.elapsed().as_secs_f64());
        }
        for (sequences, rates) in &mut samples.batch {
            let start = Instant::now();
            batch.decode(&model, *sequences, decoded)?;
            let tokens = decoded.len() * *sequences;
            keep(rates, tokens as f64 / start.elapsed().as_secs_f64());
        }
    }
    extend(&model, &ids[..deepest], &mut cache)?;
    cache.truncate(deepest);
    samples.ops = op_times(&model, decoded, 1, &mut cache)?;
    cache.clear();
    samples.prefill_ops = op_times(&model, &ids[..longest], longest, &mut cache)?;
    Ok(samples)
}

/// Computes the ids that are not cached yet. The cached ids are a prefix of these, or longer.
fn extend(model: &WolfgangModel, ids: &[u32], cache: &mut KvCache) -> Result<(), ModelError> {
    match ids.get(cache.len()..) {
        None | Some([]) => Ok(()),
        Some(missing) => forward(model, missing, cache),
    }
}

/// Sequences with the same number of cached tokens.
struct DecodeBatch {
    caches: Vec<KvCache>,
    /// The logits of the last pass, whose memory is reused.
    logits: Vec<Vec<f32>>,
    depth: usize,
}

impl DecodeBatch {
    fn new(model: &WolfgangModel, workload: &Workload, ids: &[u32]) -> Result<Self, ModelError> {
        let depth = workload.batch_depth;
        let most = workload.sequences.iter().max().copied().unwrap_or(0);
        let cache = |_| {
            let mut cache = model.new_cache()?;
            if depth > 0 {
                forward(model, &ids[..depth], &mut cache)?;
            }
            Ok(cache)
        };
        let caches = (0..most).map(cache).collect::<Result<_, ModelError>>()?;
        Ok(Self {
            caches,
            logits: Vec::new(),
            depth,
        })
    }

    /// Decodes the ids in each of the first `sequences` sequences.
    fn decode(
        &mut self,
        model: &WolfgangModel,
        sequences: usize,
        ids: &[u32],
    ) -> Result<(), ModelError> {
        let caches = &mut self.caches[..sequences];
        for cache in &mut *caches {
            cache.truncate(self.depth);
        }
        for id in ids.chunks_exact(1) {
            let mut buffers = std::mem::take(&mut self.logits).into_iter();
            let batch = caches.iter_mut().map(|cache| {
                let buffer = buffers.next().unwrap_or_default();
                BatchEntry::new(id, cache).with_logits_buffer(buffer)
            });
            self.logits = model.forward_batch(&mut batch.collect::<Vec<_>>())?;
            std::hint::black_box(&self.logits);
        }
        Ok(())
    }
}

/// Seconds of each operation for one token, and of everything else, if `chunk` tokens are computed
/// at a time.
fn op_times(
    model: &WolfgangModel,
    ids: &[u32],
    chunk: usize,
    cache: &mut KvCache,
) -> Result<Vec<(String, f64)>, ModelError> {
    if model.threads().is_none() {
        return Ok(Vec::new());
    }
    let mut profile = Profile::default();
    let start = Instant::now();
    for ids in ids.chunks(chunk) {
        std::hint::black_box(model.forward_profiled(ids, cache, &mut profile)?);
    }
    let rest = start.elapsed().saturating_sub(profile.total());
    let mut ops: Vec<_> = Op::ALL
        .map(|op| (op.name().to_owned(), profile.spent(op)))
        .into();
    ops.push(("everything else".to_owned(), rest));
    let per_token =
        |(name, spent): (String, Duration)| (name, spent.as_secs_f64() / ids.len() as f64);
    Ok(ops.into_iter().map(per_token).collect())
}
