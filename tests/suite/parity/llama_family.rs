//! Models of the Llama family, against the transformers library.
//!
//! The fixtures are three of nine models whose vocabularies were cut to the ids of their cases, by
//! `xtask/python/make_llama_family.py`: RoPE scaling, base, epsilon and feed-forward width
//! (`llama_llama3`), biases (`llama_bias`), and qk-norm with a free head width (`qwen3`).

use crate::fixtures::{Golden, assert_close, fixture};
use crate::parity::backends::Target;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
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
        assert!(models.len() >= 3);
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

/// Copies a model with another configuration and further tensors.
fn changed(
    model: &str,
    change: impl FnOnce(&mut Json),
    keep: impl Fn(&str) -> bool,
    further: Vec<(&str, TensorView<'_>)>,
) -> TempDir {
    let source = fixture("llama_family").join(model);
    let folder = tempfile::tempdir().unwrap();
    let mut config = serde_json::from_slice(&std::fs::read(source.join("config.json")).unwrap());
    change(config.as_mut().unwrap());
    std::fs::write(
        folder.path().join("config.json"),
        config.unwrap().to_string(),
    )
    .unwrap();
    let weights = std::fs::read(source.join("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&weights).unwrap();
    let kept = tensors.iter().filter(|(name, _)| keep(name));
    let all = kept.chain(further).collect::<Vec<_>>();
    let weights = folder.path().join("model.safetensors");
    safetensors::serialize_to_file(all, None, &weights).unwrap();
    folder
}

#[test]
fn an_untied_head_gives_its_own_logits() {
    let family = fixture("llama_family/qwen3");
    let weights = std::fs::read(family.join("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&weights).unwrap();
    let embeddings = tensors.tensor("model.embed_tokens.weight").unwrap();
    // The embeddings with the last row first.
    let rotation = 4 * embeddings.shape()[1];
    let mut head = embeddings.data().to_vec();
    head.rotate_right(rotation);
    let head = TensorView::new(Dtype::F32, embeddings.shape().to_vec(), &head).unwrap();
    let untied = changed(
        "qwen3",
        |config| config["tie_word_embeddings"] = json!(false),
        |_| true,
        vec![("lm_head.weight", head)],
    );
    for use_burn_ops in [false, true] {
        let model = load(&family, &Device::flex(), use_burn_ops);
        let mut expected = last_logits(&model, &[3, 1, 2]);
        expected.rotate_right(1);
        let model = load(untied.path(), &Device::flex(), use_burn_ops);
        assert_close(&last_logits(&model, &[3, 1, 2]), &expected, 1e-6, "head");
    }
}

#[test]
fn qwen2_is_a_llama_without_a_bias_of_the_output_projection() {
    let is_output = |name: &str| name.ends_with("o_proj.bias");
    let zeros = vec![0; 4 * 64];
    let zeros = || TensorView::new(Dtype::F32, vec![64], &zeros).unwrap();
    let llama = changed(
        "llama_bias",
        |_| {},
        |name| !is_output(name),
        vec![
            ("model.layers.0.self_attn.o_proj.bias", zeros()),
            ("model.layers.1.self_attn.o_proj.bias", zeros()),
        ],
    );
    let qwen2 = changed(
        "llama_bias",
        |config| {
            config["architectures"] = json!(["Qwen2ForCausalLM"]);
            config["model_type"] = json!("qwen2");
            config.as_object_mut().unwrap().remove("attention_bias");
        },
        |name| !is_output(name),
        Vec::new(),
    );
    let [llama, qwen2] = [llama, qwen2]
        .map(|folder| last_logits(&load(folder.path(), &Device::flex(), false), &[5, 6, 7]));
    assert_eq!(llama, qwen2);
}

#[test]
fn a_mistral_is_a_llama() {
    let mistral = changed(
        "llama_llama3",
        |config| {
            config["architectures"] = json!(["MistralForCausalLM"]);
            config["model_type"] = json!("mistral");
            config["sliding_window"] = Json::Null;
        },
        |_| true,
        Vec::new(),
    );
    let llama = fixture("llama_family/llama_llama3");
    let [llama, mistral] = [llama.as_path(), mistral.path()]
        .map(|folder| last_logits(&load(folder, &Device::flex(), false), &[5, 6, 7]));
    assert_eq!(llama, mistral);
}
