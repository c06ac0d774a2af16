//! Hugging Face folders: the same model as the checkpoint they were exported from.

use crate::fixtures::{Golden, assert_close, fixture, wolfgang, xtask};
use safetensors::SafeTensors;
use serde_json::{Value as Json, json};
use std::path::Path;
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, Format, load};
use wolfgang_generate::Device;

fn logits(checkpoint: &Path, ids: &[u32]) -> Vec<f32> {
    let model = load(checkpoint, &Device::flex()).unwrap();
    let mut cache = model.new_cache().unwrap();
    model.forward_cached(ids, &mut cache).unwrap()
}

/// A copy of the exported folder whose `config.json` has been changed.
fn folder(change: impl FnOnce(&mut Json)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture("hf_export/hf")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let config_path = folder.path().join("config.json");
    let mut config = serde_json::from_slice(&std::fs::read(&config_path).unwrap()).unwrap();
    change(&mut config);
    std::fs::write(config_path, config.to_string()).unwrap();
    folder
}

#[test]
fn an_export_has_the_logits_of_its_checkpoint() {
    let golden = Golden::read("hf_export/logits.safetensors");
    for n in [1, 9, 64] {
        let ids = golden.ids(&format!("{n}.ids"));
        assert_eq!(ids.len(), n);
        let original = logits(&fixture("hf_export/source.pt"), &ids);
        let exported = logits(&fixture("hf_export/hf"), &ids);
        assert_eq!(exported, original, "bit for bit the same weights");
        for expected in ["last_logits", "hf_last_logits"] {
            assert_close(
                &exported,
                &golden.f32(&format!("{n}.{expected}")),
                1e-5,
                expected,
            );
        }
    }
}

#[test]
fn an_export_generates_and_can_be_converted() {
    let path = fixture("hf_export/hf");
    let mut generate = wolfgang();
    generate.args([
        "generate",
        "Ach",
        "--seed",
        "1",
        "--max-new-tokens",
        "3",
        "--model",
    ]);
    assert!(generate.arg(&path).output().unwrap().status.success());

    let out = tempfile::tempdir().unwrap();
    let native = out.path().join("native");
    let mut convert = xtask();
    convert
        .arg("convert-checkpoint")
        .arg(&path)
        .arg("--out")
        .arg(&native);
    let output = convert.output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("(Hugging Face)") && told.contains("reads back exactly"),
        "{told}"
    );
    assert_eq!(
        logits(&native, &[5, 4000, 17]),
        logits(&path, &[5, 4000, 17])
    );
}

#[test]
fn rope_theta_is_read_where_transformers_4_writes_it() {
    let older = folder(|config| {
        config.as_object_mut().unwrap().remove("rope_parameters");
        config["rope_theta"] = json!(10000);
    });
    assert_eq!(
        Checkpoint::open(older.path()).unwrap().format(),
        Format::HuggingFace
    );
}

#[test]
fn shards_are_loaded_as_one_model() {
    let whole = std::fs::read(fixture("hf_export/hf/model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&whole).unwrap();
    let sharded = folder(|_| {});
    std::fs::remove_file(sharded.path().join("model.safetensors")).unwrap();
    let mut weight_map = json!({});
    for shard in 0..2 {
        let file = format!("model-{shard}.safetensors");
        let all = tensors.tensors();
        let part: Vec<_> = all.into_iter().skip(shard).step_by(2).collect();
        for (name, _) in &part {
            weight_map[name] = json!(file);
        }
        safetensors::serialize_to_file(part, None, &sharded.path().join(file)).unwrap();
    }
    let index = sharded.path().join("model.safetensors.index.json");
    std::fs::write(&index, json!({ "weight_map": weight_map }).to_string()).unwrap();
    assert_eq!(
        logits(sharded.path(), &[7, 8]),
        logits(&fixture("hf_export/hf"), &[7, 8])
    );

    weight_map["model.norm.weight"] = json!("../elsewhere.safetensors");
    std::fs::write(&index, json!({ "weight_map": weight_map }).to_string()).unwrap();
    let error = Checkpoint::open(sharded.path()).unwrap_err().to_string();
    assert!(
        error.contains("names the file \"../elsewhere.safetensors\""),
        "{error}"
    );
}

#[test]
fn unsupported_features_are_refused_by_their_field() {
    type Change = fn(&mut Json);
    let changes: [(&str, Change); 33] = [
        ("hidden_act is \"gelu\"", |c| {
            c["hidden_act"] = json!("gelu")
        }),
        ("architectures is [\"LlamaForTokenClassification\"]", |c| {
            c["architectures"] = json!(["LlamaForTokenClassification"])
        }),
        ("tie_word_embeddings is \"no\"", |c| {
            c["tie_word_embeddings"] = json!("no")
        }),
        ("attention_bias is 1", |c| c["attention_bias"] = json!(1)),
        ("attention_bias is true", |c| {
            *c = mistral(c);
            c["attention_bias"] = json!(true)
        }),
        ("mlp_bias is true", |c| c["mlp_bias"] = json!(true)),
        ("pretraining_tp is 2", |c| c["pretraining_tp"] = json!(2)),
        ("quantization_config is {", |c| {
            c["quantization_config"] = json!({"quant_method": "gptq"})
        }),
        ("partial_rotary_factor is 0.5", |c| {
            c["partial_rotary_factor"] = json!(0.5)
        }),
        ("rope_scaling is 2", |c| c["rope_scaling"] = json!(2)),
        ("rope_scaling.type is \"yarn\"", |c| {
            c["rope_scaling"] = json!({"type": "yarn", "factor": 2.0})
        }),
        ("rope_scaling.rope_type is \"longrope\"", |c| {
            c["rope_scaling"] = json!({"rope_type": "longrope", "factor": 2.0})
        }),
        ("rope_parameters.type is \"linear\"", |c| {
            c["rope_parameters"]["type"] = json!("linear")
        }),
        ("rope_scaling.factor is null", |c| {
            c["rope_scaling"] = json!({"rope_type": "linear"})
        }),
        (
            "rope_scaling.low_freq_factor is null",
            |c| {
                c["rope_scaling"] =
                    json!({"rope_type": "llama3", "factor": 8.0, "high_freq_factor": 4.0})
            },
        ),
        ("rope_scaling.mrope_section is [", |c| {
            c["rope_scaling"] = json!({"rope_type": "default", "mrope_section": [1]})
        }),
        ("rope_scaling.original_max_position_embeddings is 32", |c| {
            c["rope_scaling"] = json!({
                "rope_type": "dynamic", "factor": 2.0, "original_max_position_embeddings": 32
            })
        }),
        ("rope_parameters.partial_rotary_factor is 0.25", |c| {
            c["rope_parameters"]["partial_rotary_factor"] = json!(0.25)
        }),
        ("rope_parameters.factor is 8", |c| {
            c["rope_parameters"]["factor"] = json!(8)
        }),
        ("rope_parameters.full_attention is {", |c| {
            c["rope_parameters"] = json!({"full_attention": {"rope_type": "yarn"}})
        }),
        // The two versions of transformers would compute different logits.
        ("rope_theta is 500000", |c| c["rope_theta"] = json!(500_000)),
        ("rope_parameters is {", |c| {
            c["rope_scaling"] = json!({"rope_type": "linear", "factor": 2.0})
        }),
        ("rope_theta is \"high\"", |c| {
            c["rope_theta"] = json!("high")
        }),
        ("rms_norm_eps is \"small\"", |c| {
            c["rms_norm_eps"] = json!("small")
        }),
        ("head_dim is \"wide\"", |c| c["head_dim"] = json!("wide")),
        ("intermediate_size is -1", |c| {
            c["intermediate_size"] = json!(-1)
        }),
        ("hidden_size is null", |c| c["hidden_size"] = Json::Null),
        ("num_hidden_layers is \"two\"", |c| {
            c["num_hidden_layers"] = json!("two")
        }),
        ("sliding_window is 4096", |c| {
            *c = mistral(c);
            c["max_position_embeddings"] = json!(8192)
        }),
        ("sliding_window is 63", |c| {
            *c = mistral(c);
            c["sliding_window"] = json!(63)
        }),
        ("sliding_window is 63", |c| {
            *c = qwen2(c);
            c["use_sliding_window"] = json!(true);
            c["sliding_window"] = json!(63)
        }),
        ("use_sliding_window is \"no\"", |c| {
            *c = qwen2(c);
            c["use_sliding_window"] = json!("no")
        }),
        ("layer_types is \"sliding_attention\"", |c| {
            *c = qwen2(c);
            c["layer_types"] = json!(["full_attention", "sliding_attention"])
        }),
    ];
    for (expected, change) in changes {
        let error = Checkpoint::open(folder(change).path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(expected) && error.contains("which is not supported; expected"),
            "{expected}: {error}"
        );
    }
}

/// The configuration as that of another model type.
fn mistral(config: &Json) -> Json {
    let mut config = config.clone();
    config["architectures"] = json!(["MistralForCausalLM"]);
    config["model_type"] = json!("mistral");
    config
}

fn qwen2(config: &Json) -> Json {
    let mut config = config.clone();
    config["architectures"] = json!(["Qwen2ForCausalLM"]);
    config["model_type"] = json!("qwen2");
    config
}

#[test]
fn settings_without_effect_are_accepted() {
    type Change = fn(&mut Json);
    let changes: [Change; 6] = [
        |c| c["rope_scaling"] = json!({"rope_type": "dynamic", "factor": 4.0}),
        |c| c["rope_scaling"] = json!({"type": "default"}),
        |c| c["sliding_window"] = json!(8),
        |c| c["pretraining_tp"] = json!(1),
        |c| {
            *c = mistral(c);
            c["sliding_window"] = json!(64);
        },
        |c| *c = mistral(c),
    ];
    let unchanged = logits(&fixture("hf_export/hf"), &[5, 6]);
    for change in changes {
        assert_eq!(logits(folder(change).path(), &[5, 6]), unchanged);
    }
}

#[test]
fn fields_that_are_impossible_are_refused() {
    type Change = fn(&mut Json);
    let changes: [(&str, Change); 5] = [
        ("rms_norm_eps is -1", |c| c["rms_norm_eps"] = json!(-1)),
        ("rope_theta is 0", |c| {
            c["rope_parameters"] = Json::Null;
            c["rope_theta"] = json!(0)
        }),
        ("rope_scaling.factor is 0.5", |c| {
            c["rope_parameters"] = json!({"rope_type": "linear", "factor": 0.5})
        }),
        ("rope_scaling.high_freq_factor is 1", |c| {
            c["rope_parameters"] = json!({
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 1.0
            })
        }),
        ("head_dim is 15", |c| c["head_dim"] = json!(15)),
    ];
    for (expected, change) in changes {
        let error = Checkpoint::open(folder(change).path()).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let error = format!("{error}: {}", source.unwrap_or_default());
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn broken_folders_are_errors() {
    let broken = folder(|_| {});
    let weights = broken.path().join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    for bytes in [
        &whole[..0],
        &whole[..7],
        &whole[..200],
        &whole[..whole.len() - 1],
        &[0xff; 64],
    ] {
        std::fs::write(&weights, bytes).unwrap();
        assert!(
            Checkpoint::open(broken.path()).is_err(),
            "{} bytes",
            bytes.len()
        );
    }
    std::fs::remove_file(&weights).unwrap();
    let error = Checkpoint::open(broken.path()).unwrap_err().to_string();
    assert!(error.contains("neither model.safetensors nor"), "{error}");
}
