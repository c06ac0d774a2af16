//! A repository whose weights are several files.

use crate::hub::download::{WEIGHTS, exported, failure, home, hub_command, local, text};
use crate::hub::server::{Content, HubServer};
use safetensors::SafeTensors;
use serde_json::json;

/// The export as two shards and their index, with the last norm in `named`.
fn shards(named: &str) -> Content {
    let whole = exported(WEIGHTS);
    let tensors = SafeTensors::deserialize(&whole).unwrap();
    let mut weight_map = json!({});
    let mut shard = |remainder: usize| {
        let part = tensors.tensors().into_iter().skip(remainder).step_by(2);
        let part: Vec<_> = part.collect();
        for (name, _) in &part {
            weight_map[name] = json!(format!("part-{remainder}.safetensors"));
        }
        safetensors::serialize(part, None).unwrap()
    };
    let files = [shard(0), shard(1)];
    if !named.is_empty() {
        weight_map["model.norm.weight"] = json!(named);
    }
    let [first, second] = files;
    Content::new([
        ("config.json", exported("config.json")),
        (
            "model.safetensors.index.json",
            json!({ "weight_map": weight_map }).to_string().into(),
        ),
        ("part-0.safetensors", first),
        ("part-1.safetensors", second),
        ("part-2.safetensors", vec![0; 10]),
        ("tokenizer.json", exported("tokenizer.json")),
    ])
}

#[test]
fn an_index_names_the_shards_and_nothing_else() {
    let (server, home) = (HubServer::start(shards("")), home());
    assert_eq!(text(&mut hub_command(&server, home.path())), local());
    let mut names: Vec<_> = server
        .downloads()
        .into_iter()
        .map(|(file, _)| file)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "config.json",
            "model.safetensors.index.json",
            "part-0.safetensors",
            "part-1.safetensors",
            "tokenizer.json",
        ]
    );

    let cases = [
        ("../evil", "names the file \"../evil\""),
        ("/evil", "names the file \"/evil\""),
        ("absent", "an index that names absent"),
    ];
    for (named, expected) in cases {
        let (server, home) = (
            HubServer::start(shards(named)),
            tempfile::tempdir().unwrap(),
        );
        let message = failure(&mut hub_command(&server, home.path()), 1);
        assert!(message.contains(expected), "{message}");
        assert!(server.requests().iter().all(|r| !r.path.contains(named)));
    }
}
