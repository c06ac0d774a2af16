//! Shows how each token of a generated text was sampled: the probabilities of the model, the
//! alternatives, the effect of each sampling step, and the random draw.
//!
//! An [`ExplainReport`] is made from the [`Summary`] of a generation with
//! [`GenerateOptions::explain`]. It has four views: it serializes as JSON, and it is written as an
//! HTML page, as a table, or as coloured text for a terminal. The texts of the page, the table and
//! the terminal are in German or English.
//!
//! ```
//! use wolfgang_explain::{ExplainReport, Language};
//! use wolfgang_generate::{GenerateOptions, WolfgangGenerator};
//!
//! # std::env::set_current_dir("../..").unwrap();
//! let generator = WolfgangGenerator::builder("models/faust").load()?;
//! let options = GenerateOptions::default()
//!     .with_max_new_tokens(12)
//!     .with_seed(1)
//!     .with_explain(8);
//! let prompt = "Habe nun, ach!";
//! let summary = generator.generate_text(prompt, &options)?;
//! let report = ExplainReport::new(prompt, summary, &options.sampling, generator.tokenizer())?;
//!
//! let page = report.to_html(Language::En)?;
//! assert!(page.starts_with("<!DOCTYPE html>"));
//! report.write_table(Language::En, &mut std::io::stdout())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Summary`]: wolfgang_generate::Summary
//! [`GenerateOptions::explain`]: wolfgang_generate::GenerateOptions::explain

mod error;
mod formatter;
mod language;
mod page;
mod report;
mod table;
mod terminal;
mod texts;
mod token_text;

pub use error::ExplainError;
pub use language::Language;
pub use report::{ExplainReport, TokenReport};
pub use token_text::with_token_texts;
