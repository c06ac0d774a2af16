//! Parity with the original, the laws of the project, the command, and the README.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod architecture;
mod backends;
mod bench;
mod builder;
mod chat;
mod chat_cases;
#[cfg(unix)]
mod chat_terminal;
mod checkpoints;
mod command;
mod command_cases;
mod command_ends;
#[cfg(unix)]
mod command_streams;
mod conversation;
mod convert;
mod convert_ends;
mod devices;
mod engine;
mod evaluation;
mod examples;
mod explain;
mod explanations;
mod export;
mod facts;
mod fixtures;
mod fuzz_replay;
mod generation;
mod generation_ends;
mod greedy;
mod hostile;
mod hostile_folders;
mod hostile_pickles;
mod hub;
mod hub_cases;
mod hub_faults;
mod hub_server;
mod hub_shards;
mod huggingface;
mod huggingface_cases;
mod inspect;
mod int8_files;
mod int8_hostile;
mod logits;
#[cfg(all(target_os = "linux", not(feature = "tch")))]
mod memory;
mod migrating;
mod options;
mod ownership;
mod parity;
mod precision;
mod probabilities;
mod public_api;
mod pytorch_archives;
mod pytorch_cases;
mod readme;
mod sampling;
mod score_and_tokenize;
mod seeded;
mod serialization;
mod stopping;
#[cfg(unix)]
mod terminal;
mod together;
mod tokenizer;
mod tokenizer_cases;
mod torch_archive;
