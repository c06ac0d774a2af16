//! GGUF files. `xtask/python/make_gguf_cases.py` wrote the fixtures with the Python package gguf.

use crate::fixtures::fixture;
use burn_pack::Reader;
use safetensors::SafeTensors;
use std::path::Path;
use wolfgang_checkpoint::{
    Checkpoint, CheckpointError, ConvertOptions, Format, Precision, convert,
};
use wolfgang_model::{Device, RopeScaling};

/// Converts to a native folder in f32, and compares its weights with the safetensors file
/// `expected`.
fn assert_weights_equal(model: &Path, expected: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("native");
    let checkpoint = Checkpoint::open(model).unwrap();
    let options = ConvertOptions::default().with_precision(Precision::F32);
    convert(&checkpoint, &out, &options, &mut ()).unwrap();
    let written = Reader::from_file(out.join("model.bpk"))
        .and_then(Reader::into_tensors)
        .unwrap();
    let expected = std::fs::read(expected).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    assert_eq!(written.len(), expected.len());
    for tensor in written {
        let view = expected.tensor(&tensor.name).unwrap();
        assert_eq!(tensor.shape.to_vec(), view.shape(), "{}", tensor.name);
        let bytes = tensor.to_bytes().unwrap();
        assert!(bytes[..] == *view.data(), "{} differs", tensor.name);
    }
    assert_eq!(
        Checkpoint::open(&out).unwrap().config(),
        checkpoint.config()
    );
}

fn case(name: &str) -> std::path::PathBuf {
    fixture(&format!("gguf/{name}"))
}

#[test]
fn weights_of_every_type_have_the_bits_of_the_package_gguf() {
    for name in ["llama", "qwen2", "qwen3"] {
        let model = case(&format!("{name}.gguf"));
        assert_weights_equal(&model, &case(&format!("{name}.safetensors")));
    }
}

#[test]
fn a_gguf_file_is_recognised_by_its_contents() {
    let folder = tempfile::tempdir().unwrap();
    let renamed = folder.path().join("sha256-0123");
    std::fs::copy(case("llama.gguf"), &renamed).unwrap();
    let checkpoint = Checkpoint::open(&renamed).unwrap();
    assert_eq!(checkpoint.format(), Format::Gguf);
    assert_eq!(checkpoint.format().to_string(), "GGUF");
}

#[test]
fn types_are_shown_by_their_names_in_ggml() {
    let checkpoint = Checkpoint::open(case("llama.gguf")).unwrap();
    let types = checkpoint.dtypes();
    let expected = [
        ("Q4_0", 1),
        ("Q4_1", 1),
        ("Q4_K", 1),
        ("Q5_0", 1),
        ("Q5_1", 1),
        ("Q6_K", 1),
        ("Q8_0", 1),
        ("bf16", 1),
        ("f16", 1),
        ("f32", 3),
    ];
    assert_eq!(types, expected);
}

#[test]
fn the_configuration_is_that_of_the_metadata() {
    let open = |name: &str| Checkpoint::open(case(name)).unwrap();
    let llama = open("llama.gguf");
    let config = llama.config();
    assert_eq!(
        [
            config.n_embd,
            config.n_head,
            config.n_kv_head,
            config.n_layer
        ],
        [256, 2, 1, 1]
    );
    assert_eq!(
        [
            config.block_size,
            config.vocab_size,
            config.head_dim(),
            config.hidden_dim()
        ],
        [64, 16, 8, 32]
    );
    assert_eq!((config.rms_norm_eps, config.rope_theta), (1e-5, 100_000.0));
    assert!(!config.tie_word_embeddings && !config.qkv_bias && !config.qk_norm);
    let qwen2 = open("qwen2.gguf");
    assert!(qwen2.config().tie_word_embeddings && qwen2.config().qkv_bias);
    assert_eq!(qwen2.config().head_dim, None);
    let qwen3 = open("qwen3.gguf");
    assert!(qwen3.config().qk_norm && !qwen3.config().qkv_bias);
    assert_eq!(qwen3.config().head_dim, Some(16));
}

#[test]
fn the_tokenizer_of_the_metadata_is_returned() {
    let checkpoint = Checkpoint::open(case("qwen3.gguf")).unwrap();
    let tokenizer = checkpoint.embedded_tokenizer().unwrap();
    assert_eq!(tokenizer.model, "gpt2");
    assert_eq!(tokenizer.pre.as_deref(), Some("smollm"));
    assert_eq!(tokenizer.tokens.len(), 16);
    assert_eq!(tokenizer.tokens[14..], ["ab", "<|end|>"]);
    assert_eq!(tokenizer.token_types[14..], [1, 3]);
    assert_eq!(tokenizer.merges, ["a b"]);
    assert_eq!(
        (tokenizer.bos_token_id, tokenizer.eos_token_id),
        (None, Some(15))
    );
    assert_eq!(tokenizer.add_bos_token, Some(false));
    assert_eq!(
        tokenizer.chat_template.as_deref(),
        Some("{{ messages[0].content }}")
    );
    assert_eq!(checkpoint.end_ids(), [15]);
}

#[test]
fn a_native_folder_computes_the_same_logits_as_its_gguf_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["llama", "qwen2", "qwen3"] {
        let out = folder.path().join(name);
        let checkpoint = Checkpoint::open(case(&format!("{name}.gguf"))).unwrap();
        convert(&checkpoint, &out, &ConvertOptions::default(), &mut ()).unwrap();
        let logits = |checkpoint: Checkpoint| {
            let model = checkpoint.into_model(&Device::flex()).unwrap();
            let logits = model.forward(&[3, 1, 4, 1, 5]).unwrap();
            logits.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let native = logits(Checkpoint::open(&out).unwrap());
        assert_eq!(native, logits(checkpoint), "{name}");
    }
}

/// The message of the error for changed contents of `llama.gguf`.
fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut file = std::fs::read(case("llama.gguf")).unwrap();
    change(&mut file);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.gguf");
    std::fs::write(&path, file).unwrap();
    let error = Checkpoint::open(&path).unwrap_err();
    let message = chain(&error);
    assert!(message.contains("changed.gguf"), "{message}");
    message
}

fn chain(error: &CheckpointError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    let messages: Vec<_> = causes.map(ToString::to_string).collect();
    messages.join(": ")
}

/// The position behind the only occurrence of `text`.
fn behind(file: &[u8], text: &str) -> usize {
    let mut positions = (0..file.len()).filter(|&at| file[at..].starts_with(text.as_bytes()));
    let at = positions.next().unwrap();
    assert_eq!(positions.next(), None, "{text} occurs twice");
    at + text.len()
}

/// Writes `bytes` at `skip` bytes behind `text`.
fn write(file: &mut [u8], text: &str, skip: usize, bytes: &[u8]) {
    let at = behind(file, text) + skip;
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

#[test]
fn invalid_headers_are_refused_with_the_field() {
    const HUGE: [u8; 8] = u64::MAX.to_le_bytes();
    // After a tensor's name: 4 bytes for the number of dimensions, 8 for each, 4 for the type, then
    // the offset.
    type Change = fn(&mut Vec<u8>);
    let cases: [(&str, Change); 19] = [
        ("version: it needs 4 bytes", |file| file.truncate(5)),
        ("version 1 of GGUF", |file| file[4] = 1),
        ("a big-endian GGUF file", |file| {
            file[4..8].copy_from_slice(&[0, 0, 0, 3])
        }),
        ("number of tensors", |file| {
            file[8..16].copy_from_slice(&HUGE)
        }),
        ("number of metadata values", |file| {
            file[16..24].copy_from_slice(&HUGE)
        }),
        ("metadata key 0: it needs", |file| {
            file[24..32].copy_from_slice(&HUGE)
        }),
        ("general.architecture is \"llamb\"", |file| {
            write(file, "general.architecture", 12 + 4, b"b")
        }),
        ("llama.context_length: 99 is not a type of values", |file| {
            write(file, "llama.context_length", 0, &[99])
        }),
        ("tokenizer.ggml.tokens: arrays of arrays", |file| {
            write(file, "tokenizer.ggml.tokens", 4, &[9])
        }),
        (
            "tokenizer.ggml.tokens: 18446744073709551615 items",
            |file| write(file, "tokenizer.ggml.tokens", 8, &HUGE),
        ),
        ("tokenizer.ggml.add_bos_token: 2 is not a boolean", |file| {
            write(file, "tokenizer.ggml.add_bos_token", 4, &[2])
        }),
        ("llama.block_count: the key occurs twice", |file| {
            insert(file, "llama.block_count", 4, &[1, 0, 0, 0])
        }),
        ("blk.0.attn_k.weight: the tensor occurs twice", |file| {
            let at = behind(file, "blk.0.attn_v.weight") - "v.weight".len();
            file[at] = b'k';
        }),
        ("blk.0.attn_q.weight: 5 dimensions", |file| {
            write(file, "blk.0.attn_q.weight", 0, &[5])
        }),
        ("blk.0.attn_q.weight has type Q5_K, expected F32", |file| {
            write(file, "blk.0.attn_q.weight", 20, &[13])
        }),
        ("blk.0.attn_q.weight has type number 250", |file| {
            write(file, "blk.0.attn_q.weight", 20, &[250])
        }),
        (
            "blk.0.attn_q.weight: its offset 1 is not a multiple of 32",
            |file| write(file, "blk.0.attn_q.weight", 24, &1u64.to_le_bytes()),
        ),
        ("end after the file", |file| {
            let end = 0u64.wrapping_sub(32).to_le_bytes();
            write(file, "blk.0.attn_q.weight", 24, &end);
        }),
        ("it overlaps", |file| {
            write(file, "blk.0.attn_q.weight", 24, &32u64.to_le_bytes())
        }),
    ];
    for (expected, change) in cases {
        let message = refusal(change);
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let len = std::fs::read(case("llama.gguf")).unwrap().len();
    for end in (5..len).step_by(401).chain([len - 1]) {
        refusal(|file| file.truncate(end));
    }
}

#[test]
fn tensors_of_another_model_are_named_as_in_the_file() {
    let message = refusal(|file| write(file, "llama.feed_forward_length", 4, &[64]));
    assert!(
        message.contains("blk.0.ffn_gate.weight has shape [32, 256], expected [64, 256]"),
        "{message}"
    );
}

/// Inserts a value, and another one so that the data stays aligned.
fn insert(file: &mut Vec<u8>, key: &str, kind: u32, value: &[u8]) {
    let entry = |key: &str, kind: u32, value: &[u8]| {
        let key_len = (key.len() as u64).to_le_bytes();
        [&key_len, key.as_bytes(), &kind.to_le_bytes(), value].concat()
    };
    let mut inserted = entry(key, kind, value);
    let unaligned = inserted.len() + entry("padding", STRING, &string("")).len();
    let padding = " ".repeat(unaligned.next_multiple_of(32) - unaligned);
    inserted.extend(entry("padding", STRING, &string(&padding)));
    file[16] += 2;
    drop(file.splice(24..24, inserted));
}

const UINT32: u32 = 4;
const FLOAT32: u32 = 6;
const STRING: u32 = 8;

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

#[test]
fn settings_that_change_the_model_are_refused_by_name() {
    let cases = [
        (
            "llama.attention.clamp_kqv",
            FLOAT32,
            2f32.to_le_bytes().to_vec(),
            "is 2,",
        ),
        (
            "llama.rope.scaling.type",
            STRING,
            string("yarn"),
            "is \"yarn\",",
        ),
        (
            "llama.rope.dimension_count",
            UINT32,
            vec![4, 0, 0, 0],
            "is 4, which is not supported; expected 8",
        ),
        (
            "llama.attention.value_length",
            UINT32,
            vec![4, 0, 0, 0],
            "is 4,",
        ),
        (
            "llama.attention.sliding_window",
            UINT32,
            vec![63, 0, 0, 0],
            "is 63,",
        ),
        ("llama.expert_count", UINT32, vec![8, 0, 0, 0], "is 8,"),
        ("split.count", UINT32, vec![2, 0, 0, 0], "is 2,"),
        ("general.alignment", UINT32, vec![24, 0, 0, 0], "is 24,"),
    ];
    for (key, kind, value, found) in cases {
        let message = refusal(|file| insert(file, key, kind, &value));
        assert!(message.contains(&format!("{key} {found}")), "{message}");
    }
}

#[test]
fn linear_scaling_is_read_and_values_without_effect_are_accepted() {
    let open = |key: &str, kind, value: &[u8]| {
        let mut file = std::fs::read(case("llama.gguf")).unwrap();
        insert(&mut file, key, kind, value);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changed.gguf");
        std::fs::write(&path, file).unwrap();
        Checkpoint::open(&path).unwrap()
    };
    let scaled = open("llama.rope.scaling.factor", FLOAT32, &4f32.to_le_bytes());
    assert_eq!(
        scaled.config().rope_scaling,
        Some(RopeScaling::Linear { factor: 4.0 })
    );
    let window = open("llama.attention.sliding_window", UINT32, &[64, 0, 0, 0]);
    assert_eq!(window.config().rope_scaling, None);
    assert_eq!(
        open("general.author", STRING, &string("x")).format(),
        Format::Gguf
    );
}

#[test]
fn a_folder_and_a_file_without_the_magic_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, b"weights").unwrap();
    let message = chain(&Checkpoint::open(&path).unwrap_err());
    assert!(
        message.contains("does not begin with the bytes GGUF"),
        "{message}"
    );
    let message = chain(&Checkpoint::open(folder.path()).unwrap_err());
    assert!(
        message.contains("name the file in it: model.gguf"),
        "{message}"
    );
    for config in ["hf_export/hf/config.json", "../../models/faust/config.json"] {
        std::fs::copy(fixture(config), folder.path().join("config.json")).unwrap();
        let message = chain(&Checkpoint::open(folder.path()).unwrap_err());
        assert!(
            message.contains("name the file in it: model.gguf"),
            "{config}: {message}"
        );
    }
}
