//! What all requests have in common: the model and the defaults.

use crate::api::{ApiError, Defaults};
use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};
use wolfgang_generate::{GenerateError, WolfgangGenerator};

/// The model that answers requests, and the parameters that these have by default.
#[derive(Clone, Debug)]
pub struct ApiContext {
    pub(crate) generator: WolfgangGenerator,
    pub(crate) model: String,
    pub(crate) defaults: Defaults,
    pub(crate) fingerprint: String,
    /// When the model was loaded, in seconds since 1970.
    pub(crate) created: u64,
}

impl ApiContext {
    /// Creates a context. `model` is the name of the model in requests and responses. Runs the
    /// model once for `system_fingerprint`: a hash of the version, the model's shape and the logits
    /// of a few ids, so that equal fingerprints mean the same weights, element type and kernels.
    ///
    /// # Errors
    /// [`GenerateError::Model`] if the forward pass fails.
    pub fn new(
        generator: WolfgangGenerator,
        model: impl Into<String>,
        defaults: Defaults,
    ) -> Result<Self, GenerateError> {
        let fingerprint = fingerprint(&generator)?;
        Ok(Self {
            generator,
            model: model.into(),
            defaults,
            fingerprint,
            created: seconds_since_1970(),
        })
    }

    /// Returns an error unless a request means this model.
    pub(crate) fn check_model(&self, name: &str) -> Result<(), ApiError> {
        if name.is_empty() || name == self.model {
            return Ok(());
        }
        let message = format!(
            "the model {:?} does not exist; this server has {:?}",
            name.chars().take(100).collect::<String>(),
            self.model
        );
        Err(ApiError::refused(404, "model_not_found", message).of("model"))
    }
}

fn fingerprint(generator: &WolfgangGenerator) -> Result<String, GenerateError> {
    let model = generator.model();
    let vocab_size = u32::try_from(model.config().vocab_size).unwrap_or(u32::MAX);
    let n = 8.min(model.config().block_size);
    let ids: Vec<u32> = (0..vocab_size).rev().take(n).collect();
    let logits = model.forward(&ids)?;
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(format!("{:?} {:?}", model.config(), model.precision()));
    for logit in logits {
        hash.update(logit.to_le_bytes());
    }
    let digits = hash.finalize();
    let digits: String = digits.iter().take(8).map(|b| format!("{b:02x}")).collect();
    Ok(format!("wolfgang-{digits}"))
}

pub(crate) fn seconds_since_1970() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}
