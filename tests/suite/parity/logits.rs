//! The model against the original's logits, and invariant 1: chunks change no logits. On every
//! backend: `parity/backends.rs`.

use crate::fixtures::{Golden, assert_close, fixture, repository};
use crate::parity::backends::Target;
use proptest::prelude::*;
use serde::Deserialize;
use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_model::{Device, ModelError, ModelOptions, Precision, WolfgangModel};

#[derive(Deserialize)]
struct TinyCase {
    checkpoint: String,
    key: String,
    n: usize,
}

fn load(checkpoint: &str, device: &Device) -> WolfgangModel {
    wolfgang_checkpoint::load(fixture("tiny").join(checkpoint), device).unwrap()
}

fn forward_cached(model: &WolfgangModel, chunks: &[&[u32]]) -> Vec<f32> {
    let mut cache = model.new_cache().unwrap();
    let mut logits = Vec::new();
    for chunk in chunks {
        logits = model.forward_cached(chunk, &mut cache).unwrap();
    }
    assert_eq!(
        cache.len(),
        chunks.iter().map(|chunk| chunk.len()).sum::<usize>()
    );
    logits
}

pub(crate) fn tiny_models_have_the_originals_logits(on: &Target) {
    let golden = Golden::read("tiny/logits.safetensors");
    for case in golden.cases::<TinyCase>() {
        let model = load(&case.checkpoint, &on.device);
        let ids = golden.ids(&format!("{}.ids", case.key));
        assert_eq!(ids.len(), case.n);
        let window = &ids[ids.len().saturating_sub(model.config().block_size)..];

        let all = golden.f32(&format!("{}.all_logits", case.key));
        let found = model.forward(window).unwrap();
        assert_close(&found, &all, on.tolerance, &case.key);
        let last = golden.f32(&format!("{}.last_logits", case.key));
        assert_close(
            &forward_cached(&model, &[window]),
            &last,
            on.tolerance,
            &case.key,
        );
    }
}

#[derive(Deserialize)]
struct FaustCase {
    text: String,
    n: usize,
}

pub(crate) fn the_faust_model_has_the_originals_logits_and_log_probabilities(on: &Target) {
    let faust = &on.faust;
    let golden = Golden::read("faust/logits.safetensors");
    for (i, case) in golden.cases::<FaustCase>().iter().enumerate() {
        let ids = golden.ids(&format!("{i}.ids"));
        assert_eq!(
            (ids.len(), &faust.tokenizer().encode(&case.text).unwrap()),
            (case.n, &ids)
        );

        let logits = faust.model().forward(&ids).unwrap();
        let vocab_size = faust.model().config().vocab_size;
        let last = &logits[logits.len() - vocab_size..];
        let expected = golden.f32(&format!("{i}.last_logits"));
        assert_close(last, &expected, on.tolerance, &case.text);

        let rows = logits.chunks_exact(vocab_size).zip(&ids[1..]);
        let found: Vec<f32> = rows.map(|(row, next)| log_softmax(row, *next)).collect();
        let expected = golden.f32(&format!("{i}.logprobs"));
        assert_close(&found, &expected, on.tolerance, &case.text);
    }
}

/// The natural logarithm of an id's probability.
pub(crate) fn log_softmax(logits: &[f32], id: u32) -> f32 {
    let largest = logits.iter().copied().fold(f32::MIN, f32::max);
    let exp = |x: &f32| f64::from(x - largest).exp();
    let total: f64 = logits.iter().map(exp).sum();
    (f64::from(logits[id as usize] - largest) - total.ln()) as f32
}

/// A long sequence cut at random places. The two ways sum in different orders, so they agree only
/// up to rounding.
fn assert_chunking_does_not_matter(
    model: &WolfgangModel,
    ids: &[u32],
    cuts: &[usize],
    rounding: f32,
) {
    let mut cuts: Vec<usize> = cuts
        .iter()
        .map(|cut| cut % ids.len())
        .chain([0, ids.len()])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let chunks: Vec<&[u32]> = cuts.windows(2).map(|w| &ids[w[0]..w[1]]).collect();
    let whole = model.forward(ids).unwrap();
    let last = &whole[whole.len() - model.config().vocab_size..];
    assert_close(
        &forward_cached(model, &chunks),
        last,
        rounding,
        &format!("cut at {cuts:?}"),
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_chunking_gives_the_same_logits(
        ids in proptest::collection::vec(0u32..512, 1..=64),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        static MODEL: LazyLock<WolfgangModel> = LazyLock::new(|| load("plain.pt", &Device::flex()));
        assert_chunking_does_not_matter(&MODEL, &ids, &cuts, 1e-5);
    }
}

pub(crate) fn chunking_the_trained_model_changes_logits_only_by_rounding(on: &Target) {
    let ids = on
        .faust
        .tokenizer()
        .encode("Es irrt der Mensch, solang er strebt. ")
        .unwrap()
        .repeat(6);
    for cuts in [
        &[][..],
        &[1],
        &[7, 8, 9, 40],
        &(0..ids.len()).collect::<Vec<_>>(),
    ] {
        assert_chunking_does_not_matter(on.faust.model(), &ids, cuts, on.tolerance / 10.0);
    }
}

pub(crate) fn a_truncated_cache_gives_the_logits_of_a_new_one(on: &Target) {
    let model = load("deep.pt", &on.device);
    let ids: Vec<u32> = (0..20).map(|i| i * 23 % 512).collect();
    let mut cache = model.new_cache().unwrap();
    model.forward_cached(&ids, &mut cache).unwrap();
    cache.truncate(8);
    let found = model.forward_cached(&[500, 3], &mut cache).unwrap();
    let expected = forward_cached(&model, &[&ids[..8], &[500, 3]]);
    let rounding = on.tolerance / 100.0;
    assert_close(&found, &expected, rounding, "after truncate");

    let mut copy = cache.clone();
    cache.clear();
    assert!(cache.is_empty() && copy.len() == 10);
    let found = model.forward_cached(&ids[..5], &mut cache).unwrap();
    let expected = forward_cached(&model, &[&ids[..5]]);
    assert_close(&found, &expected, rounding, "after clear");

    // Its first keys were computed beside twelve others: a sum in another order.
    let found = model.forward_cached(&[7], &mut copy).unwrap();
    let expected = forward_cached(&model, &[&ids[..8], &[500, 3], &[7]]);
    assert_close(&found, &expected, 10.0 * rounding, "in a copy");
}

/// How far logits may be from the original's, as a share of the largest of them: twice the worst
/// that `cargo xtask accuracy` has shown on any device.
const IN_FEWER_BITS: [(Precision, f32); 3] = [
    (Precision::F16, 2.5e-3),
    (Precision::Bf16, 2e-2),
    (Precision::Int8, 3.2e-2),
];

pub(crate) fn reduced_precisions_are_close_to_the_original_or_refused(on: &Target) {
    let golden = Golden::read("faust/logits.safetensors");
    let supported = Precision::supported_by(&on.device);
    for (precision, tolerance) in IN_FEWER_BITS {
        let checkpoint = Checkpoint::open(repository("models/faust")).unwrap();
        let model = checkpoint.into_model_with(&on.device, precision, &mut ());
        if !supported.contains(&precision) {
            let names: Vec<_> = supported.iter().map(Precision::to_string).collect();
            let refusal = model.unwrap_err().source().unwrap().to_string();
            let expected = format!(
                "precision {precision} is not supported on this device; supported: {}",
                names.join(", ")
            );
            assert!(refusal.contains(&expected), "{refusal}");
            continue;
        }
        let model = model.unwrap();
        assert_eq!(model.precision(), precision);
        for (i, case) in golden.cases::<FaustCase>().iter().enumerate() {
            let ids = golden.ids(&format!("{i}.ids"));
            let expected = golden.f32(&format!("{i}.last_logits"));
            let found = forward_cached(&model, &[&ids]);
            let what = format!("{} in {precision}", case.text);
            assert_close(&found, &expected, tolerance, &what);
        }
    }
}

/// Invariant 1 on the CPU: the same bits.
#[test]
fn chunks_and_threads_change_no_bit_on_the_cpu() {
    let golden = Golden::read("faust/logits.safetensors");
    let ids: Vec<u32> = golden.ids("3.ids").into_iter().cycle().take(60).collect();
    let bits = |logits: Vec<f32>| -> Vec<u32> { logits.into_iter().map(f32::to_bits).collect() };
    for precision in Precision::ALL {
        let mut expected = None;
        for threads in 1..=4 {
            let options = ModelOptions::default()
                .with_precision(precision)
                .with_threads(NonZeroUsize::new(threads));
            let checkpoint = Checkpoint::open(repository("models/faust")).unwrap();
            let model = checkpoint.into_model_with(&Device::flex(), options, &mut ());
            let model = model.unwrap();
            let whole = bits(model.forward(&ids).unwrap());
            let last = &whole[whole.len() - model.config().vocab_size..];
            for rows in [1, 2, 5, 16, ids.len()] {
                let chunks: Vec<_> = ids.chunks(rows).collect();
                let found = bits(forward_cached(&model, &chunks));
                assert!(found == last, "{precision}, {threads} threads, {rows} rows");
            }
            let expected = &*expected.get_or_insert_with(|| whole.clone());
            assert!(whole == *expected, "{precision}, {threads} threads");
        }
    }
}

#[test]
fn invalid_input_is_an_error_and_leaves_the_cache_unchanged() {
    let model = load("plain.pt", &Device::flex());
    let mut cache = model.new_cache().unwrap();
    model.forward_cached(&[1, 2, 3], &mut cache).unwrap();

    let error = |ids: &[u32], cache: &mut _| model.forward_cached(ids, cache).unwrap_err();
    assert_eq!(error(&[], &mut cache), ModelError::NoIds);
    assert_eq!(
        error(&[0, 512], &mut cache),
        ModelError::UnknownId {
            id: 512,
            position: 1,
            vocab_size: 512
        }
    );
    assert_eq!(
        error(&[0; 62], &mut cache),
        ModelError::ContextFull {
            past: 3,
            new: 62,
            block_size: 64
        }
    );
    assert_eq!(cache.len(), 3);
    assert_eq!(cache.capacity(), 64);
    let path = fixture("tiny/plain.pt");
    let half = Checkpoint::open(path).unwrap();
    let half = half.into_model_with(&Device::flex(), Precision::F16, &mut ());
    assert!(matches!(
        error(&[0], &mut half.unwrap().new_cache().unwrap()),
        ModelError::CacheMismatch { .. }
    ));
    assert!(matches!(
        error(
            &[0],
            &mut load("deep.pt", &Device::flex()).new_cache().unwrap()
        ),
        ModelError::CacheMismatch { .. }
    ));
}
