//! The limits of this machine for a model.

use std::num::NonZeroUsize;
use wolfgang_kernels::roofline::Roofline;
use wolfgang_kernels::{Format, Isa};
use wolfgang_model::{ModelError, Precision, WolfgangModel};

/// Prepares the probes with as many threads as the model has, and the format of its products.
/// Returns `None` if burn computes instead of the CPU kernels.
pub(crate) fn of_model(model: &WolfgangModel) -> Result<Option<(Roofline, Format)>, ModelError> {
    let format = match model.precision() {
        Precision::F32 => Format::F32,
        Precision::F16 => Format::F16,
        Precision::Bf16 => Format::Bf16,
        Precision::Int8 => Format::Int8,
        Precision::Int4 => Format::Int4,
        _ => return Ok(None),
    };
    let Some(threads) = model.threads().and_then(NonZeroUsize::new) else {
        return Ok(None);
    };
    Ok(Some((Roofline::new(Isa::best(), threads)?, format)))
}
