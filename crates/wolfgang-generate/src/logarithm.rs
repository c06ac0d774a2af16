//! Serialisation of logarithms: −∞, the logarithm of 0, is `null`, because JSON has no infinity.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    let finite = (*value > f32::NEG_INFINITY).then_some(*value);
    finite.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    let finite = Option::deserialize(deserializer)?;
    Ok(finite.unwrap_or(f32::NEG_INFINITY))
}
