//! One way to load a generator: `WolfgangGenerator::builder`.

use crate::fixtures::{fixture, repository, tiny_tokenizer};
use crate::hub::download::{Told, WEIGHTS, exported, folder, home};
use crate::hub::server::{Content, HubServer, REPOSITORY};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, CheckpointError, ConvertOptions, convert};
use wolfgang_generate::{
    Device, DeviceName, GenerateError, GenerateOptions, GeneratorBuilder, Hub, ModelConfig,
    ModelError, ModelOptions, Phase, Precision, Tokenizer, TokenizerError, TokenizerSource,
    WolfgangGenerator,
};

fn text(generator: &WolfgangGenerator) -> String {
    let options = GenerateOptions::default()
        .with_max_new_tokens(12)
        .with_seed(1);
    let summary = generator.generate_text("Habe nun, ach!", &options);
    summary.unwrap().text
}

/// A `.pt` with its tokenizer beside it.
fn file_with_tokenizer() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.pt");
    std::fs::copy(fixture("tiny/plain.pt"), &model).unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), tiny_tokenizer()).unwrap();
    (folder, model)
}

fn on_flex<'p>(source: impl AsRef<Path>) -> GeneratorBuilder<'p> {
    WolfgangGenerator::builder(source).device(Device::flex())
}

fn hub(server: &HubServer, home: &Path) -> Hub {
    Hub::new(home.join("hub")).with_endpoint(server.url.clone())
}

#[test]
fn a_folder_a_file_and_a_tokenizer_elsewhere_give_the_same_text_as_load() {
    let (flex, faust) = (Device::flex(), repository("models/faust"));
    let built = on_flex(&faust).load().unwrap();
    let loaded = WolfgangGenerator::load(&faust, faust.join("tokenizer.json"), &flex).unwrap();
    let from_path = WolfgangGenerator::from_path(&faust, &flex).unwrap();
    assert_eq!(text(&built), text(&loaded));
    assert_eq!(text(&built), text(&from_path));
    assert_eq!(built.end_ids(), loaded.end_ids());

    let (folder, beside) = file_with_tokenizer();
    let expected = text(&on_flex(&beside).load().unwrap());
    let elsewhere = on_flex(fixture("tiny/plain.pt"))
        .tokenizer(folder.path().join("tokenizer.json"))
        .load();
    assert_eq!(text(&elsewhere.unwrap()), expected);
}

/// The ids of a folder's `eos_token_id` end a text, whichever way it is loaded.
#[test]
fn the_checkpoints_end_ids_are_kept() {
    let folder = fixture("hf_export/hf");
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let generator = on_flex(&folder).load().unwrap();
    assert!(!checkpoint.end_ids().is_empty());
    for id in checkpoint.end_ids() {
        assert!(generator.end_ids().contains(id), "{id}");
    }
}

#[test]
fn a_mismatched_tokenizer_is_refused_before_weights_are_read() {
    let mut told = Told::default();
    let error = on_flex(fixture("tiny/plain.pt"))
        .tokenizer(repository("models/faust/tokenizer.json"))
        .progress(&mut told)
        .load();
    assert!(matches!(
        error,
        Err(GenerateError::VocabularyMismatch {
            tokenizer: 4096,
            model: 512
        })
    ));
    assert!(told.0.is_empty(), "{:?}", told.0);
}

/// Padding of the vocabulary is no other tokenizer, up to the limits that frameworks keep to.
#[test]
fn a_vocabulary_with_too_much_padding_is_refused() {
    let path = fixture("cases/model/tokenizer.json");
    let tokenizer = Tokenizer::from_file(path).unwrap();
    let fits = |vocab_size| {
        let config = ModelConfig::default()
            .with_vocab_size(vocab_size)
            .with_n_layer(1)
            .with_n_head(1)
            .with_n_kv_head(1)
            .with_n_embd(8)
            .with_block_size(8);
        let checkpoint = Checkpoint::random(&config, 1).unwrap();
        let model = checkpoint.into_model(&Device::flex()).unwrap();
        match WolfgangGenerator::new(model, tokenizer.clone()) {
            Ok(_) => true,
            Err(GenerateError::VocabularyMismatch { .. }) => false,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(tokenizer.vocab_size(), 265);
    for vocab_size in [265, 266, 265 + 128, 448, 768, 1280] {
        assert!(fits(vocab_size), "{vocab_size}");
    }
    for vocab_size in [1, 256, 264, 265 + 129, 449, 1281, 1344] {
        assert!(!fits(vocab_size), "{vocab_size}");
    }
}

#[test]
fn model_options_of_the_builder_apply() {
    let two = NonZeroUsize::new(2).unwrap();
    let faust = repository("models/faust");
    let built = on_flex(&faust)
        .precision(Precision::Int8)
        .cache_precision(Precision::F16)
        .threads(two)
        .load()
        .unwrap();
    let model = built.model();
    assert_eq!(model.precision(), Precision::Int8);
    assert_eq!(model.cache_precision(), Precision::F16);
    assert_eq!(model.threads(), Some(2));

    let options = ModelOptions::default()
        .with_precision(Precision::Int8)
        .with_cache(Precision::F16)
        .with_threads(two);
    let at_once = on_flex(&faust).model_options(options).load().unwrap();
    assert_eq!(text(&at_once), text(&built));

    let default = on_flex(&faust).load().unwrap();
    assert_eq!(default.model().precision(), Precision::F32);
    assert_eq!(default.model().cache_precision(), Precision::F32);
    assert!(default.model().threads() >= Some(1));

    let other = on_flex(&faust).cache_precision(Precision::Bf16).load();
    assert!(
        matches!(
            &other,
            Err(GenerateError::Checkpoint(CheckpointError::Device {
                source: ModelError::UnsupportedCache { .. },
                ..
            }))
        ),
        "{other:?}"
    );
}

/// The device is opened before anything is read or downloaded.
#[test]
fn a_device_by_name_is_opened_first() {
    let faust = repository("models/faust");
    let by_name = WolfgangGenerator::builder(&faust).device_name(DeviceName::Cpu);
    assert_eq!(by_name.load().unwrap().model().device(), &Device::flex());

    let nowhere: DeviceName = "wgpu:4000".parse().unwrap();
    let error = WolfgangGenerator::builder("no/such/model").device_name(nowhere);
    assert!(matches!(error.load(), Err(GenerateError::Model(_))));
    // The last of both counts.
    let error = WolfgangGenerator::builder("no/such/model")
        .device_name(nowhere)
        .device(Device::flex());
    let error = error.load().unwrap_err();
    assert!(
        matches!(
            error,
            GenerateError::Checkpoint(CheckpointError::Read { .. })
        ),
        "{error:?}"
    );
}

#[test]
fn open_reads_metadata_but_no_weights() {
    let (folder, model) = file_with_tokenizer();
    let mut told = Told::default();
    let opened = on_flex(&model).progress(&mut told).open().unwrap();
    assert_eq!(opened.checkpoint().config().vocab_size, 512);
    let beside = folder.path().join("tokenizer.json");
    assert_eq!(opened.tokenizer(), &TokenizerSource::File(beside));
    let other = TokenizerSource::File(repository("models/faust/tokenizer.json"));
    let error = opened.read_tokenizer(&other).unwrap_err();
    assert!(matches!(error, GenerateError::VocabularyMismatch { .. }));
    let tokenizer = opened.read_tokenizer(opened.tokenizer()).unwrap();
    assert_eq!(tokenizer.vocab_size(), 512);
    assert_eq!(
        text(&opened.load().unwrap()),
        text(&on_flex(&model).load().unwrap())
    );
    assert_eq!(told.phases(), [Phase::ReadWeights]);

    let none = on_flex(fixture("tiny/plain.pt")).load().unwrap_err();
    let expected = fixture("tiny/tokenizer.json");
    assert!(
        matches!(&none, GenerateError::Tokenizer(TokenizerError::Read { path, .. }) if *path == expected),
        "{none:?}"
    );
}

#[test]
fn a_model_on_the_hub_is_downloaded_and_then_read() {
    let (server, home) = (HubServer::start(folder()), home());
    let source = format!("hf:{REPOSITORY}");
    let mut told = Told::default();
    let generator = on_flex(&source)
        .hub(hub(&server, home.path()))
        .progress(&mut told)
        .load()
        .unwrap();
    let here = on_flex(fixture("hf_export/hf")).load().unwrap();
    assert_eq!(text(&generator), text(&here));
    assert_eq!(generator.end_ids(), here.end_ids());

    let file = |file: &str| Phase::Download {
        file: file.to_owned(),
    };
    let phases = told.phases();
    let (last, downloads) = phases.split_last().unwrap();
    assert_eq!(*last, Phase::ReadWeights);
    let names = [
        "config.json",
        "generation_config.json",
        WEIGHTS,
        "tokenizer.json",
    ];
    assert_eq!(downloads.len(), names.len(), "{downloads:?}");
    for name in names {
        assert!(downloads.contains(&file(name)), "{name}: {downloads:?}");
    }
    told.assert_complete();
    let weights = exported(WEIGHTS).len() as u64;
    assert!(told.0.contains(&(file(WEIGHTS), weights, weights, true)));

    // Once resolved, nothing is requested again, even if the server no longer has it.
    let mut builder = on_flex(&source).hub(hub(&server, home.path()));
    let files = builder.resolve().unwrap().clone();
    assert!(files.checkpoint().join(WEIGHTS).is_file());
    assert!(files.tokenizer().is_file());
    assert_eq!(files.unavailable(), None);
    server.requests();
    assert_eq!(text(&builder.load().unwrap()), text(&here));
    assert!(server.requests().is_empty());

    let offline = hub(&server, home.path()).with_offline(true);
    assert_eq!(
        text(&on_flex(&source).hub(offline).load().unwrap()),
        text(&here)
    );
    let gone = hub(&server, home.path()).with_endpoint("http://127.0.0.1:1");
    let mut builder = on_flex(&source).hub(gone);
    let unavailable = builder.resolve().unwrap().unavailable().unwrap();
    assert_eq!(unavailable.endpoint, "http://127.0.0.1:1");
}

#[test]
fn a_pt_on_the_hub_may_have_no_tokenizer() {
    let pt = std::fs::read(fixture("tiny/plain.pt")).unwrap();
    let (server, home) = (HubServer::start(Content::new([("a.pt", pt)])), home());
    let (folder, model) = file_with_tokenizer();
    let on_the_hub = || on_flex(format!("hf:{REPOSITORY}")).hub(hub(&server, home.path()));
    let error = on_the_hub().load().unwrap_err();
    assert!(matches!(
        error,
        GenerateError::Tokenizer(TokenizerError::Read { .. })
    ));
    let generator = on_the_hub().tokenizer(folder.path().join("tokenizer.json"));
    let here = on_flex(model).load().unwrap();
    assert_eq!(text(&generator.load().unwrap()), text(&here));
}

#[test]
fn a_model_on_the_hub_needs_a_hub_and_a_name() {
    let source = format!("hf:{REPOSITORY}");
    let error = on_flex(&source).load().unwrap_err();
    assert!(
        matches!(&error, GenerateError::HubNotSet { model } if *model == source),
        "{error:?}"
    );
    let error = on_flex("hf:nobody").hub(Hub::new("no/such/cache")).load();
    assert!(
        matches!(
            &error,
            Err(GenerateError::Checkpoint(CheckpointError::HubName { .. }))
        ),
        "{error:?}"
    );
}

#[test]
fn debug_shows_what_was_set_and_no_secret() {
    let secret = Hub::new("the cache").with_token("hf_secret".to_owned());
    let builder = on_flex("the model")
        .tokenizer("the tokenizer")
        .precision(Precision::Int8)
        .hub(secret);
    let debug = format!("{builder:?}");
    for part in ["the model", "the tokenizer", "Int8", "the cache"] {
        assert!(debug.contains(part), "{debug}");
    }
    assert!(!debug.contains("hf_secret"), "{debug}");
}

#[test]
fn converting_writes_and_then_verifies_the_same_bytes() {
    let source = Checkpoint::open(fixture("tiny/plain.pt")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut told = Told::default();
    let options = ConvertOptions::default();
    let report = convert(&source, folder.path().join("out"), &options, &mut told).unwrap();
    let bytes = report.bytes;
    assert!(bytes > 0);
    let expected = [Phase::Write, Phase::Verify].map(|phase| (phase, bytes, bytes, true));
    assert_eq!(told.0, expected);
}

#[test]
fn phases_are_named_in_english() {
    let file = "model.safetensors".to_owned();
    for (phase, expected) in [
        (Phase::Download { file }, "downloading model.safetensors"),
        (Phase::ReadWeights, "reading weights"),
        (Phase::Write, "writing"),
        (Phase::Verify, "checking"),
    ] {
        assert_eq!(phase.to_string(), expected);
    }
}
