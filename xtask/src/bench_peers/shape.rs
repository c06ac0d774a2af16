//! The shapes of models that are compared.

use wolfgang_generate::ModelConfig;

/// What is measured.
pub(super) struct Shape {
    pub(super) config: ModelConfig,
    /// Lengths of prompts.
    pub(super) prefill: &'static [usize],
    /// Positions at which decoding starts.
    pub(super) positions: Vec<usize>,
}

impl Shape {
    /// The titles of what is measured, in this order.
    pub(super) fn columns(&self) -> Vec<String> {
        let prefills = self.prefill.iter().map(|n| format!("prefill of {n}"));
        let decodes = self.positions.iter().map(|n| format!("decode at {n}"));
        prefills.chain(decodes).collect()
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum ShapeName {
    /// 75M weights, a context of 512
    Standard,
    /// That of SmolLM2-135M, a context of 8,192
    Smollm2,
}

impl ShapeName {
    /// The folder of its files.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Smollm2 => "smollm2",
        }
    }

    pub(super) fn shape(self) -> Shape {
        match self {
            Self::Standard => Shape {
                config: ModelConfig::default(),
                prefill: &[448],
                positions: vec![64, 448],
            },
            Self::Smollm2 => Shape {
                config: ModelConfig::default()
                    .with_block_size(8192)
                    .with_vocab_size(49152)
                    .with_n_layer(30)
                    .with_n_head(9)
                    .with_n_kv_head(3)
                    .with_n_embd(576)
                    .with_intermediate_size(1536),
                prefill: &[512],
                positions: vec![64, 2048, 8000],
            },
        }
    }
}
