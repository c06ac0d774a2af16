//! The tensors of a file, held against those that its configuration calls for.

use crate::floats::is_weight_type;
use crate::nearest::{is_worth_guessing, nearest};
use crate::raw::{Format, HEAD};
use crate::weights::StoredTensor;
use crate::{TensorError, huggingface, scales};
use burn::tensor::DType;
use std::collections::{BTreeMap, HashSet};
use wolfgang_model::{ModelConfig, Parameter};

/// What weights may be stored in.
const WEIGHT_TYPES: &str = "f64, f32, f16 or bf16";

/// All differences between what a model of this `config` needs and what is stored, by the names that stand in the
/// file.
pub(crate) fn compare(
    format: Format,
    config: &ModelConfig,
    tensors: &BTreeMap<String, StoredTensor>,
    head: Option<&StoredTensor>,
    unsupported: &BTreeMap<String, String>,
) -> Vec<TensorError> {
    let llama_name = |name: &str| match format {
        Format::HuggingFace => huggingface::llama_name(name),
        _ => None,
    };
    let shown = |name: &str| llama_name(name).unwrap_or_else(|| name.to_owned());
    let check = |parameter: &Parameter, stored: &StoredTensor| {
        check_tensor(format, parameter, stored, shown(&parameter.name))
    };

    let expected = config.parameters();
    let known: HashSet<_> = expected.iter().map(|p| p.name.as_str()).collect();
    let missing: Vec<_> = expected
        .iter()
        .filter(|p| !tensors.contains_key(&p.name) && !unsupported.contains_key(&p.name))
        .map(|p| shown(&p.name))
        .collect();
    let missing: Vec<_> = missing.iter().map(String::as_str).collect();
    let unexpected: Vec<_> = tensors
        .keys()
        .filter(|name| !known.contains(name.as_str()))
        .map(|name| shown(name))
        .collect();
    let unexpected: Vec<_> = unexpected.iter().map(String::as_str).collect();
    let guess = is_worth_guessing(&missing, &unexpected);
    let nearest = |name: &str, among: &[&str]| {
        let among = if guess { among } else { &[] };
        nearest(name, among).map(str::to_owned)
    };

    let present = expected
        .iter()
        .filter_map(|parameter| check(parameter, tensors.get(&parameter.name)?));
    let missing_ones = missing.iter().map(|name| TensorError::Missing {
        name: (*name).to_owned(),
        nearest: nearest(name, &unexpected),
    });
    let unexpected_ones = unexpected.iter().map(|name| TensorError::Unexpected {
        name: (*name).to_owned(),
        nearest: nearest(name, &missing),
    });
    let head_parameter = Parameter::new(HEAD, [config.vocab_size, config.n_embd]);
    let of_the_model = expected.iter().chain([&head_parameter]);
    let unreadable = of_the_model.filter_map(|parameter| {
        Some(TensorError::Type {
            name: shown(&parameter.name),
            found: unsupported.get(&parameter.name)?.clone(),
            expected: WEIGHT_TYPES,
        })
    });
    let in_the_head = head.and_then(|head| check(&head_parameter, head));
    let ones = missing_ones.chain(present).chain(unexpected_ones);
    ones.chain(in_the_head).chain(unreadable).collect()
}

/// What is wrong with one that has a place in the model.
fn check_tensor(
    format: Format,
    parameter: &Parameter,
    stored: &StoredTensor,
    name: String,
) -> Option<TensorError> {
    let tensor = &stored.tensor;
    if *tensor.shape != *parameter.shape {
        let (found, expected) = (tensor.shape.to_vec(), parameter.shape.clone());
        return Some(TensorError::Shape {
            name,
            found,
            expected,
        });
    }
    if is_weight_type(tensor.dtype) {
        return None;
    }
    if let (DType::I8, [rows, _], true) = (
        tensor.dtype,
        &parameter.shape[..],
        scales::are_stored_in(format),
    ) {
        return scales::check(stored, *rows, name);
    }
    Some(TensorError::Type {
        name,
        found: tensor.dtype.name().to_owned(),
        expected: WEIGHT_TYPES,
    })
}
