//! The embeddings and the output head.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor};

/// One vector per token id. The output head is such a matrix, too: that of the embeddings if the
/// weights are tied.
#[derive(Module, Debug)]
pub(crate) struct Embedding {
    /// `[vocab_size, n_embd]`.
    weight: Param<Tensor<2>>,
}

impl Embedding {
    pub(crate) fn new(weight: Tensor<2>) -> Self {
        Self {
            weight: Param::from_tensor(weight),
        }
    }

    /// `[seq]` → `[1, seq, n_embd]`.
    pub(crate) fn forward(&self, ids: Tensor<1, Int>) -> Tensor<3> {
        self.weight.val().select(0, ids).unsqueeze()
    }

    /// `[rows, n_embd]` → logits `[rows, vocab_size]`.
    pub(crate) fn head(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val().transpose())
    }
}
