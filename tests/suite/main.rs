//! Parity with the original, the invariants of the project, the command, and the documents.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod fixtures;

/// Against the output that the original recorded.
mod parity {
    pub(crate) mod backends;
    pub(crate) mod greedy;
    pub(crate) mod llama_family;
    pub(crate) mod logits;
    mod precision;
    mod sampling;
    mod seeds;
}

/// The loop around model and sampling: generator, batch, engine, conversation.
mod generation {
    pub(crate) mod batch;
    mod builder;
    mod constraints;
    mod context_shift;
    pub(crate) mod conversation;
    pub(crate) mod engine;
    mod engine_lifecycle;
    mod evaluation;
    mod explanations;
    mod finish_reasons;
    pub(crate) mod foreign_templates;
    pub(crate) mod generator;
    pub(crate) mod logprobs;
    mod ownership;
    mod prefix_cache;
    mod prompt_logprobs;
    mod serialization;
    mod stopping;
}

mod tokenizer {
    mod chat_templates;
    mod embedded;
    mod encoding;
    mod families;
    mod formats;
    mod gguf_metadata;
    mod pipelines;
}

/// Reading and writing model files.
mod checkpoint {
    mod companion_files;
    mod convert;
    mod convert_errors;
    mod export;
    mod fuzz_replay;
    mod gguf;
    mod hostile_files;
    mod hostile_folders;
    mod hostile_pickles;
    mod huggingface;
    mod huggingface_end_ids;
    mod huggingface_variants;
    mod inspect;
    mod int4_files;
    mod int8_errors;
    mod int8_files;
    #[cfg(all(target_os = "linux", not(feature = "tch")))]
    mod memory;
    mod original_files;
    mod pytorch_archives;
    mod pytorch_variants;
    mod torch_archive;
}

/// `--model hf:OWNER/NAME` against a server in this process.
mod hub {
    pub(crate) mod download;
    mod faults;
    mod requests;
    mod retries;
    pub(crate) mod server;
    mod shards;
}

/// The `wolfgang` command as a process.
mod command {
    mod arguments;
    mod bench;
    mod chat;
    mod chat_input;
    mod chat_template;
    #[cfg(unix)]
    mod chat_terminal;
    mod config_layers;
    mod constraints;
    mod devices;
    mod errors;
    mod explain;
    pub(crate) mod generate;
    mod input;
    mod model_preset;
    mod run_batch;
    mod score_and_tokenize;
    mod serve;
    #[cfg(unix)]
    mod streams;
    #[cfg(unix)]
    mod terminal;
}

/// The server, over connections to this process.
mod server {
    mod client;
    mod connections;
    mod constraints;
    #[cfg(unix)]
    mod determinism;
    mod errors;
    mod load;
    mod metrics;
    mod security;
    mod stream;
    mod texts;
    mod tokens;
}

/// Documents and examples.
mod documents {
    mod docs;
    mod examples;
    mod migrating;
    mod page;
    mod parameters;
    mod readme;
}

/// Dependencies between crates, and their public items.
mod architecture {
    mod cycles;
    mod dependencies;
    mod invariants;
    mod modules;
    mod public_api;
}
