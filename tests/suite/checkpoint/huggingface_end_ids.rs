//! The ids that end a text, in Hugging Face folders.

use super::huggingface_variants::{
    CONFIG, GENERATION, WEIGHTS, assert_continues_alike, case, change, converted, copy, finished,
    generate, ids, refusal,
};
use crate::fixtures::wolfgang;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value as Json, json};
use std::path::Path;
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, CheckpointError};

/// The ids without an end, and one that comes after some others.
fn ids_and_end() -> (Vec<u32>, usize, u32) {
    let all = ids(&finished(&mut generate(&case("model"))));
    let at = (3..all.len()).find(|&at| !all[..at].contains(&all[at]) && all[at] > 4);
    let at = at.unwrap();
    (all.clone(), at, all[at])
}

#[test]
fn eos_token_id_of_either_config_ends_the_text() {
    let (all, at, end) = ids_and_end();
    let unused = (5..265).find(|id| !all.contains(id)).unwrap();
    for (config, generation, ends) in [
        (json!(0), Some(json!(end)), true),
        (json!(0), Some(json!([unused, end])), true),
        (json!(end), None, true),
        (json!([end]), Some(json!(null)), true),
        (json!([unused, end, 0]), Some(json!(null)), true),
        // generation_config.json takes precedence.
        (json!(end), Some(json!(unused)), false),
        (json!(end), Some(json!([])), false),
        (json!(null), None, false),
    ] {
        let folder = copy("model");
        change(&folder, CONFIG, |json| {
            json["eos_token_id"] = config.clone()
        });
        match &generation {
            Some(ids) => change(&folder, GENERATION, |json| {
                json["eos_token_id"] = ids.clone()
            }),
            None => std::fs::remove_file(folder.path().join(GENERATION)).unwrap(),
        }
        let found = finished(&mut generate(folder.path()));
        let what = format!("{config} {generation:?}");
        if ends {
            assert_eq!(found["reason"], "end_of_text", "{what}");
            assert_eq!(ids(&found), all[..at], "{what}");
        } else {
            assert_eq!(ids(&found), all, "{what}");
        }
    }
}

#[test]
fn ignore_eos_and_min_new_tokens_apply_to_eos_token_id() {
    let (all, at, end) = ids_and_end();
    let folder = copy("model");
    change(&folder, GENERATION, |json| {
        json["eos_token_id"] = json!(end)
    });
    let ignored = finished(generate(folder.path()).arg("--ignore-eos"));
    assert_eq!(ids(&ignored), all);
    let later = finished(generate(folder.path()).arg("--min-new-tokens=20"));
    let later = ids(&later);
    assert!(later.len() >= 20 && later[..at] == all[..at], "{later:?}");
    assert!(!later[..20].contains(&end), "{later:?}");
}

#[test]
fn end_of_text_of_the_tokenizer_ends_the_text_with_any_config() {
    let folder = copy("model");
    change(&folder, GENERATION, |json| json["eos_token_id"] = json!(7));
    let found = finished(generate(folder.path()).args(["--logit-bias", "0=1000"]));
    assert_eq!(
        (found["reason"].as_str(), ids(&found)),
        (Some("end_of_text"), vec![])
    );
}

fn inspected(path: &Path) -> Json {
    let output = wolfgang()
        .args(["inspect", "--json"])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn eos_token_ids_outside_the_vocabulary_are_ignored_and_listed() {
    let folder = copy("model");
    change(&folder, GENERATION, |json| {
        json["eos_token_id"] = json!([-1, 265, 264, 5, 5])
    });
    let found = inspected(folder.path());
    assert_eq!(found["end_ids"], json!([5, 264]));
    assert_eq!(
        found["skipped"],
        json!([
            {"name": "eos_token_id -1", "reason": "outside the vocabulary"},
            {"name": "eos_token_id 265", "reason": "outside the vocabulary"},
        ])
    );
    for wrong in [json!("0"), json!(1.5), json!(true), json!([0, null])] {
        let folder = copy("model");
        change(&folder, CONFIG, |json| json["eos_token_id"] = wrong.clone());
        std::fs::remove_file(folder.path().join(GENERATION)).unwrap();
        let message = refusal(folder.path());
        let expected = format!("config.json: eos_token_id is {wrong}, which is not supported");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn conversions_keep_eos_token_ids() {
    let folder = copy("model");
    change(&folder, GENERATION, |json| {
        json["eos_token_id"] = json!([0, 9])
    });
    let out = tempfile::tempdir().unwrap();
    let (native, back) = (out.path().join("native"), out.path().join("back"));
    converted(folder.path(), &native, &[]);
    assert_eq!(inspected(&native)["end_ids"], json!([0, 9]));
    converted(&native, &back, &["--to", "huggingface"]);
    assert_eq!(inspected(&back)["end_ids"], json!([0, 9]));
    for file in [CONFIG, GENERATION] {
        let json: Json = serde_json::from_slice(&std::fs::read(back.join(file)).unwrap()).unwrap();
        assert_eq!(json["eos_token_id"], json!([0, 9]), "{file}");
    }
    // An id that the tokenizer defines is not written again.
    let plain = out.path().join("plain");
    converted(&case("model"), &plain, &[]);
    let config = std::fs::read_to_string(plain.join(CONFIG)).unwrap();
    assert!(!config.contains("eos_token_id"), "{config}");
    // Without a tokenizer, nothing else does.
    let alone = copy("model");
    std::fs::remove_file(alone.path().join("tokenizer.json")).unwrap();
    let without = out.path().join("without");
    converted(alone.path(), &without, &[]);
    assert_eq!(inspected(&without)["end_ids"], json!([0]));
}

/// The model with more rows in its embeddings, each of which the model would prefer to every other.
fn padded(rows: usize) -> TempDir {
    let folder = copy("model");
    let path = folder.path().join(WEIGHTS);
    let bytes = std::fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut embeddings = tensors
        .tensor("model.embed_tokens.weight")
        .unwrap()
        .data()
        .to_vec();
    // Ten times a row that exists: one of them wins wherever that row's logit is positive.
    let row: Vec<u8> = embeddings[16 * 4 * 40..16 * 4 * 41]
        .as_chunks()
        .0
        .iter()
        .flat_map(|number| (10.0 * f32::from_le_bytes(*number)).to_le_bytes())
        .collect();
    embeddings.extend(row.repeat(rows));
    let shape = vec![265 + rows, 16];
    let views: Vec<_> = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| match name.as_str() {
            "model.embed_tokens.weight" => (
                name,
                TensorView::new(view.dtype(), shape.clone(), &embeddings).unwrap(),
            ),
            _ => (name, view),
        })
        .collect();
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    change(&folder, CONFIG, |config| {
        config["vocab_size"] = json!(265 + rows)
    });
    folder
}

#[test]
fn ids_that_pad_the_vocabulary_are_never_generated() {
    for rows in [1, 127, 128, 503] {
        let folder = padded(rows);
        assert_continues_alike(folder.path());
        let greedy = |model: &Path| finished(generate(model).args(["--preset", "greedy"]));
        let found = greedy(folder.path());
        assert_eq!(found["ids"], greedy(&case("model"))["ids"]);
    }
}

#[test]
fn the_library_lists_the_ids_that_end_a_text() {
    let checkpoint = Checkpoint::open(case("model")).unwrap();
    assert_eq!(checkpoint.end_ids(), [0]);
    let error = Checkpoint::open(case("model/config.json")).unwrap_err();
    let folder = case("model");
    assert!(
        matches!(&error, CheckpointError::PartOfFolder { folder: f, .. } if *f == folder),
        "{error:?}"
    );
}
