//! Models of the Llama family, against the transformers library.
//!
//! The fixtures are models of transformers with random weights, whose vocabularies were cut to the
//! ids of their cases by `xtask/python/make_llama_family.py`:
//!
//! - `llama_llama3`: RoPE scaling `llama3`, another base, epsilon and feed-forward width
//! - `llama_linear`: RoPE scaling `linear`
//! - `llama_bias`: biases of all projections of attention
//! - `mistral`: a head that is not tied to the embeddings
//! - `qwen2`: biases of queries, keys and values only
//! - `qwen3`: qk-norm and a free head width

use crate::fixtures::{Golden, assert_close, fixture};
use crate::parity::backends::Target;
use safetensors::SafeTensors;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, Target as Format, convert};
use wolfgang_model::{Device, ModelOptions, WolfgangModel};

/// Below this distance of the two largest logits, as a share of the largest, ids may differ.
const MIN_MARGIN: f32 = 5e-5;

#[derive(Deserialize)]
struct Greedy {
    model: String,
    prompt_ids: Vec<u32>,
    greedy: Vec<u32>,
}

struct Family {
    folder: PathBuf,
    golden: Golden,
    greedy: Vec<Greedy>,
    models: Vec<String>,
}

impl Family {
    fn read() -> Self {
        let folder = fixture("llama_family");
        let greedy = std::fs::read(folder.join("greedy.json")).unwrap();
        let greedy: Vec<Greedy> = serde_json::from_slice(&greedy).unwrap();
        let mut models: Vec<_> = greedy.iter().map(|case| case.model.clone()).collect();
        models.dedup();
        assert_eq!(models.len(), 6);
        Self {
            golden: Golden::read_from(&folder.join("logits.safetensors")),
            folder,
            greedy,
            models,
        }
    }
}

fn load(folder: &Path, device: &Device, use_burn_ops: bool) -> WolfgangModel {
    let options = ModelOptions::default().with_use_burn_ops(use_burn_ops);
    let checkpoint = Checkpoint::open(folder).unwrap();
    checkpoint
        .into_model_with(device, options, &mut ())
        .unwrap()
}

fn last_logits(model: &WolfgangModel, ids: &[u32]) -> Vec<f32> {
    model
        .forward_cached(ids, &mut model.new_cache().unwrap())
        .unwrap()
}

/// Asserts parity of all models on a device.
fn assert_parity(device: &Device, use_burn_ops: bool, tolerance: f32) {
    let family = Family::read();
    for name in &family.models {
        let model = load(&family.folder.join(name), device, use_burn_ops);
        for n in [1, 9, 60, 128] {
            let case = format!("{name}/{n}");
            let ids = family.golden.ids(&format!("{case}.ids"));
            assert_eq!(ids.len(), n);
            let expected = family.golden.f32(&format!("{case}.last_logits"));
            assert_close(&last_logits(&model, &ids), &expected, tolerance, &case);
        }
        for case in family.greedy.iter().filter(|case| case.model == *name) {
            assert_continues(&model, case);
        }
    }
}

/// Asserts that the largest logits are those of the ids, up to the first near tie.
fn assert_continues(model: &WolfgangModel, case: &Greedy) {
    let mut cache = model.new_cache().unwrap();
    let mut logits = model.forward_cached(&case.prompt_ids, &mut cache).unwrap();
    for (i, expected) in case.greedy.iter().enumerate() {
        let mut ranked: Vec<usize> = (0..logits.len()).collect();
        ranked.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
        let [best, next] = [logits[ranked[0]], logits[ranked[1]]];
        if best - next < MIN_MARGIN * best.abs() {
            return;
        }
        assert_eq!(ranked[0], *expected as usize, "{}, id {i}", case.model);
        logits = model.forward_cached(&[*expected], &mut cache).unwrap();
    }
}

/// On every backend: `parity/backends.rs`.
pub(crate) fn the_llama_family_has_the_logits_and_ids_of_transformers(on: &Target) {
    assert_parity(&on.device, false, on.tolerance);
}

#[test]
fn the_operations_of_burn_give_the_logits_and_ids_of_transformers() {
    assert_parity(&Device::flex(), true, 1e-4);
}

#[test]
fn conversion_to_native_and_back_keeps_every_bit() {
    let family = Family::read();
    for name in &family.models {
        let source = family.folder.join(name);
        let out = tempfile::tempdir().unwrap();
        let [native, back] = ["native", "back"].map(|folder| out.path().join(folder));
        let options = ConvertOptions::default();
        convert(
            &Checkpoint::open(&source).unwrap(),
            &native,
            &options,
            &mut (),
        )
        .unwrap();
        let options = options.with_target(Format::HuggingFace);
        convert(
            &Checkpoint::open(&native).unwrap(),
            &back,
            &options,
            &mut (),
        )
        .unwrap();

        let [expected, found] =
            [&source, &back].map(|folder| std::fs::read(folder.join("model.safetensors")).unwrap());
        let [expected, found] =
            [&expected, &found].map(|file| SafeTensors::deserialize(file).unwrap());
        assert_eq!(found.len(), expected.len(), "{name}");
        for (tensor, expected) in expected.tensors() {
            assert_eq!(found.tensor(&tensor).unwrap(), expected, "{name}, {tensor}");
        }
        let ids: Vec<u32> = (0..100).collect();
        let [expected, native, back] = [&source, &native, &back].map(|folder| {
            let logits = load(folder, &Device::flex(), false).forward(&ids).unwrap();
            logits.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        });
        assert!(native == expected && back == expected, "{name}");
    }
}
