//! Converts scalars to JSON, including those of numpy and torch.

use super::limits::MAX_NAME;
use super::tensor::TensorRef;
use super::value::{Id, Object, Value, Values};
use half::f16;
use serde_json::{Map, Number, Value as Json};

/// Converts a value. A container becomes an empty array or object; a number that JSON does not have
/// becomes null. `read` returns the value of a tensor with one element.
pub(super) fn json(
    values: &Values<'_>,
    id: Id,
    read: &impl Fn(&TensorRef) -> Option<Json>,
) -> Json {
    match values.get(id) {
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(i) => Json::Number((*i).into()),
        Value::Float(x) => Number::from_f64(*x).map_or(Json::Null, Json::Number),
        Value::Str(s) if s.len() <= MAX_NAME => Json::String((*s).to_owned()),
        Value::Object(object) => numpy_scalar(values, object).unwrap_or_else(other),
        Value::Tensor(tensor) => match &**tensor {
            Ok(tensor) => read(tensor).unwrap_or_else(other),
            Err(_) => other(),
        },
        Value::None => Json::Null,
        Value::Tuple(_) | Value::List(_) | Value::Set(_) => Json::Array(Vec::new()),
        _ => other(),
    }
}

fn other() -> Json {
    Json::Object(Map::new())
}

/// Returns the result of `numpy.core.multiarray.scalar(dtype, bytes)`.
fn numpy_scalar(values: &Values<'_>, scalar: &Object) -> Option<Json> {
    if !scalar.class.as_ref()?.path.ends_with("multiarray.scalar") {
        return None;
    }
    let [dtype, bytes] = values.sequence(scalar.args?)? else {
        return None;
    };
    let Value::Object(dtype) = values.get(*dtype) else {
        return None;
    };
    let code = values.str(*values.sequence(dtype.args?)?.first()?)?;
    // The state of a dtype is a version and then the byte order.
    let order = dtype
        .state
        .and_then(|state| values.str(*values.sequence(state)?.get(1)?));
    let mut bytes = bytes_of(values, *bytes)?;
    if order == Some(">") {
        bytes.reverse();
    }
    number(code, &bytes)
}

/// Returns the content of a bytes object. Protocols before 3 encode it as a string with one
/// character for each byte.
fn bytes_of(values: &Values<'_>, id: Id) -> Option<Vec<u8>> {
    match values.get(id) {
        Value::Bytes(bytes) if bytes.len() <= size_of::<u64>() => Some(bytes.to_vec()),
        Value::Object(object) if object.class.as_ref()?.path == "_codecs.encode" => {
            let [text, _] = values.sequence(object.args?)? else {
                return None;
            };
            let text = values.str(*text).filter(|text| text.len() <= MAX_NAME)?;
            text.chars().map(|c| u8::try_from(c).ok()).collect()
        }
        _ => None,
    }
}

/// Decodes a little-endian number of a numpy type (`i8`: a signed integer of 8 bytes).
fn number(code: &str, bytes: &[u8]) -> Option<Json> {
    let float = |x: f64| Number::from_f64(x).map(Json::Number);
    let kind = code
        .trim_start_matches(['<', '>', '=', '|'])
        .chars()
        .next()?;
    let mut padded = [0; 8];
    padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let unsigned = u64::from_le_bytes(padded);
    Some(match (kind, bytes.len()) {
        ('b', 1) => Json::Bool(unsigned != 0),
        ('u', 1 | 2 | 4 | 8) => unsigned.into(),
        ('i', len @ (1 | 2 | 4 | 8)) => {
            let shift = 64 - 8 * len as u32;
            ((unsigned << shift).cast_signed() >> shift).into()
        }
        ('f', 2) => float(f16::from_le_bytes(*bytes.first_chunk()?).into())?,
        ('f', 4) => float(f32::from_le_bytes(*bytes.first_chunk()?).into())?,
        ('f', 8) => float(f64::from_bits(unsigned))?,
        _ => return None,
    })
}
