//! Too little memory. On Linux, where a process can be given so much and no more; where libtorch is
//! linked, that would be too little to start.

use crate::fixtures::{fixture, json, repository, wolfgang};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use std::io::Write;
use std::process::Command;

/// 3.4 GB of weights, of which the file has only the header, in a process that may have 3 GB, file
/// included.
#[test]
fn insufficient_memory_is_a_one_line_error() {
    let folder = tempfile::tempdir().unwrap();
    let larger = |size: u64| match size {
        16 => 3072,
        32 => 6144,
        96 => 16384,
        other => other,
    };
    let mut config: Value = json("hf_export/hf/config.json");
    for (field, size) in [
        ("hidden_size", 6144),
        ("intermediate_size", 16384),
        ("head_dim", 1536),
    ] {
        config[field] = size.into();
    }
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();

    let small = std::fs::read(fixture("hf_export/hf/model.safetensors")).unwrap();
    let (_, header) = SafeTensors::read_metadata(&small).unwrap();
    let (mut tensors, mut end, mut matrices) = (serde_json::Map::new(), 0, 0);
    for (name, tensor) in header.tensors() {
        let shape: Vec<u64> = tensor
            .shape
            .iter()
            .map(|size| larger(*size as u64))
            .collect();
        let start = end;
        end += 2 * shape.iter().product::<u64>();
        // Packed in one piece, in f32.
        matrices += if shape.len() == 2 {
            2 * (end - start)
        } else {
            0
        };
        let tensor = json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, end]});
        tensors.insert(name, tensor);
    }
    let header = Value::Object(tensors).to_string();
    let length = header.len() as u64;
    let mut file = std::fs::File::create(folder.path().join("model.safetensors")).unwrap();
    file.write_all(&[&length.to_le_bytes(), header.as_bytes()].concat())
        .unwrap();
    file.set_len(8 + length + end).unwrap();

    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v 3000000; exec \"$@\"", "sh"]);
    limited.arg(wolfgang().get_program());
    let tokenizer = repository("models/faust/tokenizer.json");
    let tokenizer = tokenizer.to_str().unwrap();
    let model = folder.path().to_str().unwrap();
    let arguments = [
        "--model",
        model,
        "--tokenizer",
        tokenizer,
        "--device",
        "flex",
    ];
    let output = limited
        .arg("generate")
        .args(arguments)
        .arg("Habe")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let expected = format!("error: failed to load {model}: failed to allocate {matrices} bytes\n");
    assert_eq!(said, expected);
}
