//! Profiling of forward passes.

use std::time::{Duration, Instant};

/// An operation of a forward pass on the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Lookup of the embeddings.
    Embedding,
    /// RMSNorm of the residual stream.
    Norm,
    /// Conversion of the inputs of a matrix product into their packed form.
    Pack,
    /// Projections to queries, keys and values.
    Qkv,
    /// Rotary embedding, the cache, and attention over it.
    Attention,
    /// Output projection of attention.
    AttentionOutput,
    /// Gate and up projections of the feed-forward network, and SwiGLU.
    GateUp,
    /// Down projection of the feed-forward network.
    Down,
    /// Projection to logits.
    Head,
}

impl Op {
    /// All operations, in the order of a forward pass.
    pub const ALL: [Self; 9] = [
        Self::Embedding,
        Self::Norm,
        Self::Pack,
        Self::Qkv,
        Self::Attention,
        Self::AttentionOutput,
        Self::GateUp,
        Self::Down,
        Self::Head,
    ];

    /// Returns the name for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Norm => "norms",
            Self::Pack => "packing inputs",
            Self::Qkv => "wq, wk, wv",
            Self::Attention => "attention",
            Self::AttentionOutput => "wo",
            Self::GateUp => "w1, w3",
            Self::Down => "w2",
            Self::Head => "head",
        }
    }
}

/// Time spent in each operation, summed over forward passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    spent: [Duration; Op::ALL.len()],
}

impl Profile {
    /// Returns the time spent in an operation.
    pub fn spent(&self, op: Op) -> Duration {
        self.spent[op as usize]
    }

    /// Returns the time spent in all operations.
    pub fn total(&self) -> Duration {
        self.spent.iter().sum()
    }
}

/// Measures the time of each operation, if profiling is on.
pub(crate) struct OpTimer<'a> {
    running: Option<(&'a mut Profile, Instant)>,
}

impl<'a> OpTimer<'a> {
    pub(crate) fn off() -> Self {
        Self { running: None }
    }

    pub(crate) fn start(profile: &'a mut Profile) -> Self {
        Self {
            running: Some((profile, Instant::now())),
        }
    }

    /// Adds the time since the last call to `op`.
    pub(crate) fn record(&mut self, op: Op) {
        if let Some((profile, last)) = &mut self.running {
            let now = Instant::now();
            profile.spent[op as usize] += now - *last;
            *last = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_the_operations_in_the_order_of_their_discriminants() {
        for (index, op) in Op::ALL.into_iter().enumerate() {
            assert_eq!(op as usize, index, "{}", op.name());
        }
    }
}
