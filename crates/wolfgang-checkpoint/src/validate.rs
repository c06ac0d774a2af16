//! Validation of the tensors of a file against its configuration.

use crate::codec::is_weight_type;
use crate::format::Format;
use crate::raw::HEAD;
use crate::suggest::{is_affordable, nearest};
use crate::tensor::StoredTensor;
use crate::{TensorError, gguf, huggingface, scales};
use burn::tensor::DType;
use std::collections::{BTreeMap, HashSet};
use wolfgang_model::{ModelConfig, Parameter};

/// Supported element types of weights, for messages.
const WEIGHT_TYPES: &str = "f64, f32, f16 or bf16";

/// Returns all differences between the stored tensors and those of a model with this `config`.
/// Names are those in the file.
pub(crate) fn validate(
    format: Format,
    config: &ModelConfig,
    tensors: &BTreeMap<String, StoredTensor>,
    head: Option<&StoredTensor>,
    unsupported: &BTreeMap<String, String>,
) -> Vec<TensorError> {
    let stored_name = |name: &str| match format {
        Format::HuggingFace => huggingface::llama_name(name),
        Format::Gguf => gguf::gguf_name(name),
        _ => None,
    };
    let shown = |name: &str| stored_name(name).unwrap_or_else(|| name.to_owned());
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
    let suggests = is_affordable(&missing, &unexpected);
    let nearest = |name: &str, among: &[&str]| {
        let among = if suggests { among } else { &[] };
        nearest(name, among).map(str::to_owned)
    };

    let present = expected
        .iter()
        .filter_map(|parameter| check(parameter, tensors.get(&parameter.name)?));
    let missing_errors = missing.iter().map(|name| TensorError::Missing {
        name: (*name).to_owned(),
        nearest: nearest(name, &unexpected),
    });
    let unexpected_errors = unexpected.iter().map(|name| TensorError::Unexpected {
        name: (*name).to_owned(),
        nearest: nearest(name, &missing),
    });
    let head_parameter = Parameter::new(HEAD, [config.vocab_size, config.n_embd]);
    let tied_head = (!known.contains(HEAD)).then_some(&head_parameter);
    let parameters = expected.iter().chain(tied_head);
    let unreadable = parameters.filter_map(|parameter| {
        Some(TensorError::Type {
            name: shown(&parameter.name),
            found: unsupported.get(&parameter.name)?.clone(),
            expected: WEIGHT_TYPES,
        })
    });
    let head_error = head.and_then(|head| check(&head_parameter, head));
    let errors = missing_errors.chain(present).chain(unexpected_errors);
    errors.chain(head_error).chain(unreadable).collect()
}

/// Checks a stored tensor that is a parameter of the model. Errors show it as `name`.
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
