//! Parameters of the steps that have more than one.

/// Parameters of the dynamic temperature, which depends on the entropy of the distribution.
///
/// The temperature is `low + (high - low) · (H / ln n)^exponent`, where
/// `low = temperature - range`, `high = temperature + range`, and H is the entropy in nats of the n
/// ids that are not masked, at temperature 1. So it is `low` if one id is certain and `high` if all
/// are equally likely. The formula is that of llama.cpp (`dynatemp_range`, `dynatemp_exponent`),
/// which applies it after the filters; here it replaces the temperature step.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct DynamicTemperatureParams {
    /// Largest change of the temperature in either direction. Range: above 0, at most the
    /// temperature.
    pub range: f32,
    /// Exponent of the normalised entropy: above 1 keeps the temperature low for longer. Range:
    /// above 0.
    #[cfg_attr(feature = "serde", serde(default = "default_exponent"))]
    pub exponent: f32,
}

impl DynamicTemperatureParams {
    /// Creates parameters with this range and an exponent of 1.
    pub fn new(range: f32) -> Self {
        Self {
            range,
            exponent: default_exponent(),
        }
    }
}

fn default_exponent() -> f32 {
    1.0
}

/// Parameters of DRY ("don't repeat yourself"), which penalises ids that would extend a repetition.
///
/// If the last n ids, `n >= allowed_length`, occurred before, the penalty
/// `multiplier · base^(n - allowed_length)`, at most 10⁹, is subtracted from the logit of the id
/// that followed there. Proposed by p-e-w for text-generation-webui (pull request 5677); same
/// formula as in llama.cpp (`dry_*`).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct DryParams {
    /// Penalty on a repetition of `allowed_length` ids. Range: `0..=1e6`; 0 is off. Default: 0.8.
    pub multiplier: f32,
    /// Growth factor of the penalty per further id. Range: `1..=1e6`. Default: 1.75.
    pub base: f32,
    /// Length of the shortest repetition that is penalised, at least 1. Default: 2.
    pub allowed_length: usize,
    /// Number of last ids, including the prompt, that are searched. Range: `1..=1_048_576`.
    /// Default: 4096.
    pub window: usize,
    /// Sequence breakers: ids that no repetition extends across and that are never penalised, for
    /// example line breaks, quotation marks, and the ids that begin a chat turn. Default: none.
    pub sequence_breakers: Vec<u32>,
}

impl Default for DryParams {
    fn default() -> Self {
        Self {
            multiplier: 0.8,
            base: 1.75,
            allowed_length: 2,
            window: 4096,
            sequence_breakers: Vec::new(),
        }
    }
}

/// Parameters of XTC ("exclude top choices"), which at random masks all ids at or above a threshold
/// except the least likely of them.
///
/// Of several equally likely ids the lowest is kept. Proposed by p-e-w for text-generation-webui
/// (pull request 6335); same as in llama.cpp (`xtc_*`). XTC consumes one random number per step,
/// before the draw, whether or not it masks anything.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct XtcParams {
    /// Probability of masking at a step. Range: `0..=1`; 0 is off and consumes no random number.
    /// Default: 0.5.
    pub probability: f32,
    /// Probability from which an id is a top choice. Range: `0..=0.5`; above 0.5 there are never
    /// two. Default: 0.1.
    pub threshold: f32,
}

impl Default for XtcParams {
    fn default() -> Self {
        Self {
            probability: 0.5,
            threshold: 0.1,
        }
    }
}

/// Parameters of mirostat 2 (Basu et al. 2021), which keeps the surprisal of the text near a
/// target.
///
/// The surprisal of an id of probability p is −log₂ p, in bits. Ids with a surprisal above `mu` are
/// masked, except the most likely id. After the draw, `mu` decreases by `eta · (surprisal - tau)`,
/// with the surprisal of the drawn id among the ids that were kept. `mu` starts at `2 · tau`.
/// Details that the paper leaves open follow llama.cpp; unlike in the paper's experiments, the
/// surprisal is that after masking, so that `mu` does not diverge if the model cannot reach the
/// target.
///
/// Mirostat runs after the filters. `top_k`, `top_p` and similar filters limit the surprisal and
/// prevent it from reaching the target; they are not disabled automatically.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct MirostatParams {
    /// Target surprisal, in bits per token. Range: above 0, at most 100. Default: 5.
    pub tau: f32,
    /// Learning rate of `mu`. Range: above 0, at most 1. Default: 0.1.
    pub eta: f32,
}

impl Default for MirostatParams {
    fn default() -> Self {
        Self { tau: 5.0, eta: 0.1 }
    }
}
