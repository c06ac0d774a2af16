//! The parameters of the steps that take several.

/// A temperature that follows the entropy of the distribution: `temperature - range` where one id is certain,
/// `temperature + range` where all are equally likely.
///
/// In between it is `low + (high - low) · (H / ln n)^exponent`, with the entropy H of the n ids that are possible, in
/// nats, before any temperature. As in llama.cpp (`dynatemp_range`, `dynatemp_exponent`), which has it after the
/// filters; here it stands where the temperature stands.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct DynamicTemperatureParams {
    /// How far the temperature moves up and down, above 0 and at most the temperature.
    pub range: f32,
    /// Above 1 keeps the temperature low for longer, below 1 raises it sooner. A number above 0. Default 1.
    #[cfg_attr(feature = "serde", serde(default = "default_exponent"))]
    pub exponent: f32,
}

impl DynamicTemperatureParams {
    /// Moves the temperature by `range`, with an exponent of 1.
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

/// DRY ("don't repeat yourself"): the longer the end of the text repeats an earlier part of it, the less likely
/// becomes the id that went on there.
///
/// A repetition of n ids, at least `allowed_length`, takes `multiplier · base^(n - allowed_length)` from the logit, and
/// never more than 10⁹. Proposed by p-e-w for text-generation-webui (pull request 5677), as in llama.cpp (`dry_*`).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct DryParams {
    /// The penalty on a repetition of `allowed_length` ids, 0 to 1,000,000; 0 is off. Default 0.8.
    pub multiplier: f32,
    /// By what the penalty grows with each further id, 1 to 1,000,000. Default 1.75.
    pub base: f32,
    /// The length of the shortest repetition that is penalised, at least 1. Default 2.
    pub allowed_length: usize,
    /// How many of the last ids, prompt included, are searched for repetitions, 1 to 1,048,576. Default 4096.
    pub window: usize,
    /// Ids that no repetition extends across, and that are never penalised: line breaks, quotation marks, the ids
    /// that open a turn of a chat. Default none.
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

/// XTC ("exclude top choices"): with some probability rules out every id that reaches the threshold but the least
/// likely of them, of several equally likely ones the lowest.
///
/// Proposed by p-e-w for text-generation-webui (pull request 6335), as in llama.cpp (`xtc_*`). A step with XTC takes one
/// random number before the draw's, whether or not there is anything to rule out.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct XtcParams {
    /// How often a step rules out anything, 0 to 1; 0 is off and takes no random number. Default 0.5.
    pub probability: f32,
    /// From which probability on an id is a top choice, 0 to 0.5; above, there would never be two. Default 0.1.
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

/// Mirostat 2 (Basu et al. 2021): rules out ids that are too surprising, and learns from the surprise of each chosen
/// id what too surprising is.
///
/// The surprise of an id of probability p is −log₂ p, in bits. Ids above `mu` are ruled out, never all of them; after
/// the draw `mu` goes down by `eta` times what the surprise of the chosen id, among those that were left, exceeded
/// `tau` by. `mu` begins at `2 · tau`. Where the paper leaves it open, and where its experiments take the surprise before
/// anything is ruled out, this follows llama.cpp: a target that the model cannot reach does not drive `mu` away.
///
/// It sees what the filters before it leave. `top_k`, `top_p` and the like bound the surprise by themselves and keep it from
/// its target, so they should be off; nothing turns them off by itself.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct MirostatParams {
    /// The surprise aimed at, in bits a token, above 0 and at most 100. Default 5.
    pub tau: f32,
    /// How fast `mu` follows, above 0 and at most 1. Default 0.1.
    pub eta: f32,
}

impl Default for MirostatParams {
    fn default() -> Self {
        Self { tau: 5.0, eta: 0.1 }
    }
}
