//! What is told of a generation: what `--json` writes, and what the page holds. `docs/command.md` describes it.

use super::piece::Piece;
use serde::{Serialize, Serializer};
use wolfgang_generate::{
    Candidate, Change, DrawReport, Explanation, FinishReason, SpecialTokens, StepReport, Summary,
    Tokenizer,
};

/// A whole generation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) prompt: String,
    pub(crate) text: String,
    #[serde(serialize_with = "reason_name")]
    pub(crate) reason: FinishReason,
    pub(crate) seed: u64,
    pub(crate) prompt_tokens: usize,
    pub(crate) truncated_tokens: usize,
    pub(crate) generated_tokens: usize,
    /// Those of the text, then the one that ended it, if one did.
    pub(crate) tokens: Vec<TokenLine>,
}

/// How a token came about.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TokenLine {
    #[serde(flatten)]
    pub(crate) chosen: CandidateLine,
    /// What the text became longer by: nothing where a character is not complete, all of it where one is completed.
    pub(crate) text: String,
    /// Whether it ended the text.
    pub(crate) ends: bool,
    pub(crate) alternatives: Vec<CandidateLine>,
    pub(crate) steps: Vec<StepLine>,
    pub(crate) draw: DrawLine,
}

/// Logarithms of probabilities; there is none for what was ruled out, for JSON has no infinity.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CandidateLine {
    #[serde(flatten)]
    pub(crate) piece: Piece,
    pub(crate) rank: usize,
    pub(crate) model: Option<f32>,
    pub(crate) sampled: Option<f32>,
    pub(crate) ruled_out_by: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct StepLine {
    pub(crate) step: &'static str,
    pub(crate) possible_before: usize,
    pub(crate) possible: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chance: Option<f64>,
    pub(crate) removed: usize,
    pub(crate) removed_mass: f64,
    pub(crate) removed_likeliest: Vec<ChangeLine>,
    pub(crate) changed: usize,
    pub(crate) changed_likeliest: Vec<ChangeLine>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChangeLine {
    #[serde(flatten)]
    pub(crate) piece: Piece,
    pub(crate) logit_before: Option<f32>,
    pub(crate) logit: Option<f32>,
    pub(crate) before: Option<f32>,
    pub(crate) behind: Option<f32>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum DrawLine {
    Greedy,
    Walk { u: f64, shares: Vec<ShareLine> },
    Race { contenders: Vec<RunnerLine> },
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShareLine {
    #[serde(flatten)]
    pub(crate) piece: Piece,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunnerLine {
    #[serde(flatten)]
    pub(crate) piece: Piece,
    pub(crate) quotient: f32,
}

impl Told {
    pub(crate) fn new(prompt: &str, summary: &Summary, tokenizer: &Tokenizer) -> Self {
        let mut stream = tokenizer.decode_stream(SpecialTokens::Keep);
        let explanations = summary.explanations.iter().map(|told| (told, false));
        let ending = summary.stop_explanation.as_deref().map(|told| (told, true));
        let tokens = explanations.chain(ending).map(|(told, ends)| {
            let text = stream.push(told.chosen.id).to_owned();
            token(told, text, ends, tokenizer)
        });
        Self {
            prompt: prompt.to_owned(),
            text: summary.text.clone(),
            reason: summary.reason,
            seed: summary.seed,
            prompt_tokens: summary.prompt_tokens,
            truncated_tokens: summary.truncated_tokens,
            generated_tokens: summary.generated_tokens,
            tokens: tokens.collect(),
        }
    }
}

impl TokenLine {
    /// The probability by the model.
    pub(crate) fn probability(&self) -> f64 {
        self.chosen.model.map_or(0.0, |p| f64::from(p).exp())
    }

    /// Behind the chain.
    pub(crate) fn sampled(&self) -> f64 {
        self.chosen.sampled.map_or(0.0, |p| f64::from(p).exp())
    }
}

fn token(told: &Explanation, text: String, ends: bool, tokenizer: &Tokenizer) -> TokenLine {
    let piece = |id| Piece::new(id, tokenizer);
    let candidate = |c: &Candidate| CandidateLine {
        piece: piece(c.id),
        rank: c.rank,
        model: finite(c.model),
        sampled: finite(c.sampled),
        ruled_out_by: c.ruled_out_by.map(|step| step.as_str()),
    };
    let change = |c: &Change| ChangeLine {
        piece: piece(c.id),
        logit_before: finite(c.logit_before),
        logit: finite(c.logit),
        before: finite(c.before),
        behind: finite(c.behind),
    };
    let step = |step: &StepReport| StepLine {
        step: step.step.as_str(),
        possible_before: step.possible_before,
        possible: step.possible,
        chance: step.random_draw,
        removed: step.removed,
        removed_mass: step.removed_mass,
        removed_likeliest: step.removed_likeliest.iter().map(change).collect(),
        changed: step.changed,
        changed_likeliest: step.changed_likeliest.iter().map(change).collect(),
    };
    let draw = match &told.draw {
        DrawReport::InverseCdf {
            u,
            intervals: shares,
            ..
        } => DrawLine::Walk {
            u: *u,
            shares: shares
                .iter()
                .map(|share| ShareLine {
                    piece: piece(share.id),
                    from: share.from,
                    to: share.to,
                })
                .collect(),
        },
        DrawReport::ExponentialRace { contenders, .. } => DrawLine::Race {
            contenders: contenders
                .iter()
                .map(|runner| RunnerLine {
                    piece: piece(runner.id),
                    quotient: runner.quotient,
                })
                .collect(),
        },
        _ => DrawLine::Greedy,
    };
    TokenLine {
        chosen: candidate(&told.chosen),
        text,
        ends,
        alternatives: told.candidates.iter().map(candidate).collect(),
        steps: told.steps.iter().map(step).collect(),
        draw,
    }
}

fn reason_name<S: Serializer>(reason: &FinishReason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.as_str())
}

fn finite(logprob: f32) -> Option<f32> {
    Some(logprob).filter(|logprob| logprob.is_finite())
}
