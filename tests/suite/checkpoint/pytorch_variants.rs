//! Valid `.pt` files of the kinds that users have: wrappers, training state, configurations, types.
//! Archives: `pytorch_archives.rs`.

use crate::checkpoint::torch_archive::Archive;
use crate::fixtures::{fixture, wolfgang};
use std::path::Path;
use std::sync::LazyLock;
use wolfgang_checkpoint::{Checkpoint, CheckpointError};
use wolfgang_generate::{Device, GenerateOptions, Tokenizer, WolfgangGenerator};

/// The model that all of these files hold.
pub(crate) fn original() -> Vec<u8> {
    std::fs::read(fixture("cases/checkpoint_step_1000.pt")).unwrap()
}

/// The original with another `data.pkl`.
fn with_pickle(pickle: &[u8]) -> Vec<u8> {
    Archive::read(&original())
        .with("data.pkl", Some(pickle))
        .bytes()
}

/// How the model in a file continues "Wer", sampled with a seed, and its logits there.
pub(crate) fn continuation(path: &Path) -> Result<(String, Vec<f32>), String> {
    let chain = |error: &dyn std::error::Error| {
        let causes = std::iter::successors(Some(error), |e| e.source());
        causes
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ")
    };
    let checkpoint = Checkpoint::open(path).map_err(|e| chain(&e))?;
    let model = checkpoint
        .into_model(&Device::flex())
        .map_err(|e| chain(&e))?;
    let tokenizer = Tokenizer::from_file(fixture("cases/tokenizer.json")).unwrap();
    let generator = WolfgangGenerator::new(model, tokenizer).unwrap();
    let options = GenerateOptions::default()
        .with_max_new_tokens(40)
        .with_seed(7)
        .with_ignore_eos(true);
    let text = generator.generate_text("Wer", &options).unwrap().text;
    let ids = generator.tokenizer().encode("Wer").unwrap();
    let logits = generator.model().forward(&ids).unwrap();
    Ok((text, logits))
}

pub(crate) static EXPECTED: LazyLock<(String, Vec<f32>)> =
    LazyLock::new(|| continuation(&fixture("cases/checkpoint_step_1000.pt")).unwrap());

/// Asserts that the file holds the original's model.
#[track_caller]
fn assert_same_model(path: &Path, what: &str) {
    assert!(EXPECTED.0.len() > 20, "{}", EXPECTED.0);
    match continuation(path) {
        Ok(found) => assert_eq!(found, *EXPECTED, "{what}"),
        Err(error) => panic!("{what}: {error}"),
    }
}

/// As [`assert_same_model`], for a file with these contents.
#[track_caller]
pub(crate) fn assert_bytes_same_model(bytes: &[u8], what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pt");
    std::fs::write(&path, bytes).unwrap();
    assert_same_model(&path, what);
}

/// The error of opening or loading a file with these contents.
pub(crate) fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pt");
    std::fs::write(&path, bytes).unwrap();
    continuation(&path).unwrap_err()
}

fn pickles() -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(fixture("cases/pickles")).unwrap();
    let mut pickles: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    pickles.sort();
    pickles
}

pub(crate) fn pickle(name: &str) -> Vec<u8> {
    std::fs::read(fixture("cases/pickles").join(name).with_extension("pkl")).unwrap()
}

#[test]
fn cases_load_and_continue_alike() {
    for name in [
        "checkpoint_step_10000",
        "counter",
        "defaultdict_one_entry",
        "prefix_ddp",
        "prefix_ddp_of_compiled",
        "x_datetime_utc",
        "x_enum",
        "x_simplenamespace",
        "x_bytearray",
        "x_parameters_with_attributes",
        "c_numpy_ints",
        "d_complex_buffer",
        "d_tuple_key",
    ] {
        assert_same_model(&fixture(&format!("cases/{name}.pt")), name);
    }
}

/// Training state beside the model, tensors described in other ways, configurations in other
/// classes; protocols 1 to 5.
#[test]
fn pickles_of_many_classes_load_and_continue_alike() {
    let pickles = pickles();
    assert!(pickles.len() > 30);
    for (name, pickle) in pickles {
        assert_bytes_same_model(&with_pickle(&pickle), &name);
    }
}

/// `None` there means one key and value head for each query head, as the weights have it: here for
/// both query heads, and in the case for one, which is what its keys have rows for.
#[test]
fn no_number_of_kv_heads_in_the_config_means_that_of_the_weights() {
    assert_same_model(&fixture("cases/c_kv_none.pt"), "c_kv_none");
    let checkpoint = Checkpoint::open(fixture("tiny/mha.pt")).unwrap();
    let (n_head, n_kv_head) = (checkpoint.config().n_head, checkpoint.config().n_kv_head);
    assert_eq!(n_head, n_kv_head);
    let archive = Archive::read(&std::fs::read(fixture("tiny/mha.pt")).unwrap());
    let mut pickle = archive
        .entries
        .iter()
        .find(|(name, _)| name == "data.pkl")
        .unwrap()
        .1
        .clone();
    // The name, memoized by BINPUT or LONG_BINPUT, then BININT1.
    let name = pickle.windows(9).position(|w| w == b"n_kv_head").unwrap() + 9;
    let value = name + if pickle[name] == b'q' { 2 } else { 5 };
    assert_eq!(usize::from(pickle[value + 1]), n_kv_head);
    pickle.splice(value..value + 2, *b"N");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pt");
    std::fs::write(&path, archive.with("data.pkl", Some(&pickle)).bytes()).unwrap();
    let none = Checkpoint::open(&path).unwrap();
    assert_eq!(
        (none.config().n_head, none.config().n_kv_head),
        (n_head, n_head)
    );
}

#[test]
fn classes_that_were_not_read_are_named_in_one_line() {
    let classes = |name: &str| {
        let checkpoint = Checkpoint::open(fixture(&format!("cases/{name}.pt"))).unwrap();
        checkpoint.unread_classes().to_vec()
    };
    assert_eq!(classes("x_enum"), ["__main__.Mode"]);
    assert_eq!(
        classes("x_datetime_utc"),
        [
            "datetime.datetime",
            "datetime.timedelta",
            "datetime.timezone"
        ]
    );
    assert_eq!(classes("x_simplenamespace"), ["types.SimpleNamespace"]);
    assert_eq!(classes("x_bytearray"), ["builtins.bytearray"]);
    for nothing in [
        "counter",
        "defaultdict_one_entry",
        "prefix_ddp",
        "c_numpy_ints",
        "x_parameters_with_attributes",
    ] {
        assert!(classes(nothing).is_empty(), "{nothing}");
    }

    let path = fixture("cases/x_enum.pt");
    let said = format!(
        "{}: skipped objects that are not part of the model, of the classes __main__.Mode",
        path.display()
    );
    let mut generate = wolfgang();
    generate.args([
        "generate",
        "--max-new-tokens",
        "4",
        "--seed",
        "1",
        "--device",
        "flex",
    ]);
    generate
        .arg("--tokenizer")
        .arg(fixture("cases/tokenizer.json"));
    let output = generate
        .arg("--model")
        .arg(&path)
        .arg("Wer")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(
        stderr.lines().filter(|line| line.contains(&said)).count(),
        1,
        "{stderr}"
    );

    let inspect = |more: &[&str]| {
        let output = wolfgang()
            .arg("inspect")
            .arg(&path)
            .args(more)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let told = inspect(&[]);
    assert_eq!(
        told.lines().filter(|line| **line == *said).count(),
        1,
        "{told}"
    );
    let json: serde_json::Value = serde_json::from_str(&inspect(&["--json"])).unwrap();
    assert_eq!(json["unread_classes"], serde_json::json!(["__main__.Mode"]));
}

/// Errors for unsupported entries name the entry, do not call the file damaged, and give no wrong
/// advice.
#[test]
fn what_is_not_supported_is_named() {
    for (name, reason, step) in [
        (
            "d_fp8",
            "11 tensors have type float8_e4m3fn, expected f64, f32, f16 or bf16, for example embeddings.weight",
            "save the weights in one of these types",
        ),
        (
            "d_bigendian",
            "is not supported: its weights are stored in big-endian byte order, and only little-endian is read",
            "save it there with torch.save",
        ),
        (
            "x_meta_tensors",
            "11 tensors have type meta tensor (without values), expected f64, f32, f16 or bf16, for example",
            "",
        ),
    ] {
        let path = fixture(&format!("cases/{name}.pt"));
        let mut inspect = wolfgang();
        let output = inspect.arg("inspect").arg(&path).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {message}");
        assert!(
            message.contains(reason) && message.contains(step),
            "{name}: {message}"
        );
        assert_eq!(message.lines().count(), 1, "{name}: {message}");
        for wrong in ["damaged", "copied", "missing"] {
            assert!(!message.contains(wrong), "{name}: {message}");
        }
    }
}

/// Names around and within the model, of all wrappers, in `.pt` and in safetensors.
#[test]
fn names_of_wrapped_modules_load() {
    let renamed = |rename: &dyn Fn(&str) -> String| {
        let archive = Archive::read(&original());
        let old = &archive
            .entries
            .iter()
            .find(|(name, _)| name == "data.pkl")
            .unwrap()
            .1;
        let mut new = Vec::new();
        let mut rest = &old[..];
        // A BINUNICODE whose text ends in `weight`.
        while let Some(at) = rest.iter().position(|byte| *byte == b'X') {
            let length = rest[at + 1..]
                .first_chunk()
                .map_or(usize::MAX, |n| u32::from_le_bytes(*n) as usize);
            let text = rest.get(at + 5..at.saturating_add(5).saturating_add(length));
            let text = text.and_then(|text| std::str::from_utf8(text).ok());
            let Some(text) = text.filter(|text| text.ends_with(".weight")) else {
                new.extend(&rest[..=at]);
                rest = &rest[at + 1..];
                continue;
            };
            let name = rename(text);
            new.extend(&rest[..=at]);
            new.extend((name.len() as u32).to_le_bytes());
            new.extend(name.as_bytes());
            rest = &rest[at + 5 + length..];
        }
        new.extend(rest);
        with_pickle(&new)
    };
    let within =
        |name: &str, wrapper: &str| name.replace("layers.0.", &format!("layers.0.{wrapper}."));
    for wrapper in [
        "module",
        "_orig_mod",
        "_fsdp_wrapped_module",
        "_checkpoint_wrapped_module",
    ] {
        let around = renamed(&|name| format!("{wrapper}.{name}"));
        assert_bytes_same_model(&around, wrapper);
        let inside = renamed(&|name| within(name, wrapper));
        assert_bytes_same_model(&inside, wrapper);
        let both = renamed(&|name| {
            format!(
                "module.{wrapper}.{}",
                within(name, &format!("{wrapper}._orig_mod"))
            )
        });
        assert_bytes_same_model(&both, wrapper);
        // Of two names that would be the same, none is chosen.
        let duplicate = renamed(&|name| match name {
            "layers.0.ffn_norm.weight" => format!("{wrapper}.norm.weight"),
            name => name.to_owned(),
        });
        let message = refusal(&duplicate);
        assert!(
            message.contains(&format!("{wrapper}.norm.weight is unexpected")),
            "{message}"
        );
    }
}

#[test]
fn names_of_wrapped_modules_load_from_safetensors() {
    use safetensors::SafeTensors;
    let model = std::fs::read(fixture("hf_export/hf/model.safetensors")).unwrap();
    let config = fixture("hf_export/hf/config.json");
    let logits = |path: &Path| {
        let model = Checkpoint::open(path)?.into_model(&Device::flex())?;
        Ok::<_, CheckpointError>(model.forward(&[5, 17]).unwrap())
    };
    let expected = logits(&fixture("hf_export/hf")).unwrap();
    let tensors = SafeTensors::deserialize(&model).unwrap().tensors();
    let written = |rename: &dyn Fn(&str) -> String, twice: bool| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(&config, folder.path().join("config.json")).unwrap();
        let renamed = tensors
            .iter()
            .map(|(name, view)| (rename(name), view.clone()));
        let mut renamed: Vec<_> = renamed.collect();
        if twice {
            let (name, view) = &tensors[0];
            renamed.push((name.clone(), view.clone()));
        }
        let path = folder.path().join("model.safetensors");
        safetensors::serialize_to_file(renamed, None, &path).unwrap();
        logits(folder.path())
    };
    let nested = |name: &str| {
        let inside = name.replace(
            "layers.1.",
            "layers.1._orig_mod._checkpoint_wrapped_module.",
        );
        format!("module._orig_mod.{inside}")
    };
    assert_eq!(written(&nested, false).unwrap(), expected);
    assert_eq!(
        written(&|name| format!("_fsdp_wrapped_module.{name}"), false).unwrap(),
        expected
    );
    let error = written(&nested, true).unwrap_err().to_string();
    assert!(error.contains("twice"), "{error}");
}

/// A number of torch's in the configuration, and what cannot be a size.
#[test]
fn sizes_in_the_config_may_be_scalar_tensors_and_nothing_else() {
    let plain = Archive::read(&original());
    let pickle = plain
        .entries
        .iter()
        .find(|(name, _)| name == "data.pkl")
        .unwrap()
        .1
        .clone();
    // `n_layer`, memoized, then BININT1 1.
    let at = pickle.windows(7).position(|w| w == b"n_layer").unwrap() + 9;
    assert_eq!(pickle[at..at + 2], *b"K\x01");
    let with = |value: &[u8]| [&pickle[..at], value, &pickle[at + 2..]].concat();
    let storage = b"(X\x07\0\0\0storagectorch\nLongStorage\nX\x02\0\0\0ncX\x03\0\0\0cpuK\x03tQ";
    let tensor = |offset: &[u8], shape: &[u8]| {
        [
            b"ctorch._utils\n_rebuild_tensor_v2\n(",
            &storage[..],
            offset,
            shape,
            b"\x89}tR",
        ]
        .concat()
    };
    let numbers: Vec<u8> = [7i64, 1, -1].iter().flat_map(|n| n.to_le_bytes()).collect();
    let file = |value: &[u8]| {
        plain
            .clone()
            .with("data.pkl", Some(&with(value)))
            .with("data/nc", Some(&numbers))
            .bytes()
    };
    assert_bytes_same_model(&file(&tensor(b"K\x01", b"))")), "a scalar tensor");
    for (what, value) in [
        ("a vector", tensor(b"K\x00", b"K\x03\x85K\x01\x85")),
        ("a negative number", tensor(b"K\x02", b"))")),
        ("a list", b"]".to_vec()),
        ("nothing", b"N".to_vec()),
    ] {
        let message = refusal(&file(&value));
        assert!(
            message.contains("invalid config field n_layer"),
            "{what}: {message}"
        );
    }
}
