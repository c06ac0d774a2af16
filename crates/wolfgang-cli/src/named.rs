//! Parsers of arguments whose values are enums of the libraries.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::error::Error;
use std::str::FromStr;
use wolfgang_explain::Language;
use wolfgang_generate::{PenaltyScope, Precision, RngKind};

/// An element type.
pub(crate) fn precision() -> impl TypedValueParser<Value = Precision> {
    named([
        (Precision::F32.as_str(), "32 bits"),
        (
            Precision::F16.as_str(),
            "16 bits, 11 of them significant, up to 65504",
        ),
        (
            Precision::Bf16.as_str(),
            "16 bits, 8 of them significant, the range of f32",
        ),
        (
            Precision::Int8.as_str(),
            "8 bits, with a scale for each row of a matrix; on the CPU only",
        ),
        (
            Precision::Int4.as_str(),
            "4 bits, with a scale for each 32 weights of a row, and embeddings and head in int8; on the CPU only",
        ),
    ])
}

/// An element type of the KV cache on the CPU.
pub(crate) fn cache_precision() -> impl TypedValueParser<Value = Precision> {
    named([
        (Precision::F32.as_str(), "32 bits"),
        (
            Precision::F16.as_str(),
            "16 bits, 11 of them significant, up to 65504",
        ),
    ])
}

/// Tokens that the repetition penalty covers.
pub(crate) fn penalty_scope() -> impl TypedValueParser<Value = PenaltyScope> {
    named([
        (
            PenaltyScope::Context.as_str(),
            "The last tokens of prompt and text together",
        ),
        (
            PenaltyScope::Generated.as_str(),
            "The last tokens of the text only",
        ),
    ])
}

/// A random number generator.
pub(crate) fn rng() -> impl TypedValueParser<Value = RngKind> {
    named([
        (
            RngKind::ChaCha.as_str(),
            "ChaCha20: the same in every release",
        ),
        (
            RngKind::Torch.as_str(),
            "PyTorch's generator on the CPU, as torch.multinomial draws from it",
        ),
    ])
}

/// A language of messages.
pub(crate) fn language() -> impl TypedValueParser<Value = Language> {
    named([
        (Language::De.as_str(), "German"),
        (Language::En.as_str(), "English"),
    ])
}

/// A parser of the names, which are listed with their descriptions in the help.
fn named<T, const N: usize>(
    names: [(&'static str, &'static str); N],
) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Error + Send + Sync> + Clone + Send + Sync + 'static,
{
    let values = names.map(|(name, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<T>())
}
