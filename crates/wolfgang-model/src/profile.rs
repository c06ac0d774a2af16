//! Where the time of a forward pass goes.

use std::time::{Duration, Instant};

/// A part of a forward pass by our kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Rows of the embeddings.
    Embedding,
    /// All norms.
    Norm,
    /// Inputs brought into the order, and the type, in which they are multiplied.
    Prepare,
    /// Queries, keys and values.
    Wqkv,
    /// Rotary embedding, the cache, and attention over it.
    Attention,
    /// What leaves attention.
    Wo,
    /// Gate and value of the feed-forward network, and SwiGLU.
    W13,
    /// What leaves the feed-forward network.
    W2,
    /// Logits.
    Head,
}

impl Step {
    /// Every step, in the order of a pass.
    pub const ALL: [Self; 9] = [
        Self::Embedding,
        Self::Norm,
        Self::Prepare,
        Self::Wqkv,
        Self::Attention,
        Self::Wo,
        Self::W13,
        Self::W2,
        Self::Head,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Norm => "norms",
            Self::Prepare => "preparing inputs",
            Self::Wqkv => "wq, wk, wv",
            Self::Attention => "attention",
            Self::Wo => "wo",
            Self::W13 => "w1, w3",
            Self::W2 => "w2",
            Self::Head => "head",
        }
    }
}

/// Time for each of [`Step::ALL`], of one pass or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    spent: [Duration; Step::ALL.len()],
}

impl Profile {
    /// What a step took.
    pub fn spent(&self, step: Step) -> Duration {
        self.spent[step as usize]
    }

    /// What all of them took.
    pub fn total(&self) -> Duration {
        self.spent.iter().sum()
    }
}

/// A stopwatch that nobody need have started.
pub(crate) struct Laps<'a> {
    running: Option<(&'a mut Profile, Instant)>,
}

impl<'a> Laps<'a> {
    pub(crate) fn off() -> Self {
        Self { running: None }
    }

    pub(crate) fn start(profile: &'a mut Profile) -> Self {
        Self {
            running: Some((profile, Instant::now())),
        }
    }

    /// What passed since the last lap was this step.
    pub(crate) fn lap(&mut self, step: Step) {
        if let Some((profile, last)) = &mut self.running {
            let now = Instant::now();
            profile.spent[step as usize] += now - *last;
            *last = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stand_where_they_are_counted() {
        for (place, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step as usize, place, "{}", step.name());
        }
    }
}
