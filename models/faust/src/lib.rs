//! The Faust model, 5.5M parameters trained on German drama and verse, as part of a program: its three files as bytes.
//!
//! ```
//! use wolfgang_checkpoint::Checkpoint;
//! use wolfgang_generate::{Device, GenerateOptions, Tokenizer, WolfgangGenerator};
//!
//! let (config, weights) = (wolfgang_faust::CONFIG, wolfgang_faust::WEIGHTS);
//! let checkpoint = Checkpoint::from_memory(config, weights, "the Faust model")?;
//! let tokenizer = Tokenizer::from_bytes(wolfgang_faust::TOKENIZER)?;
//! let faust = WolfgangGenerator::new(checkpoint.into_model(&Device::flex())?, tokenizer)?;
//!
//! let options = GenerateOptions::default().with_max_new_tokens(8);
//! println!("{}", faust.generate_text("Habe nun, ach!", &options)?.text);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]

/// The model's shape: `config.json` of the native folder.
pub static CONFIG: &[u8] = include_bytes!("../config.json");

/// Its weights in bf16: `model.bpk`, a burn record.
pub static WEIGHTS: &[u8] = include_bytes!("../model.bpk");

/// Its tokenizer: `tokenizer.json`, byte-level BPE.
pub static TOKENIZER: &[u8] = include_bytes!("../tokenizer.json");
