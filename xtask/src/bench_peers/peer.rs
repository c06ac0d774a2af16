//! The programs that are compared with ours.

use super::shape::Shape;
use super::{Args, DECODED};
use crate::measured_program::{self, Measured};
use anyhow::ensure;
use serde_json::json;
use std::path::Path;
use wolfgang_generate::Precision;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Peer {
    /// llama.cpp with weights in the layout of the file
    LlamaCpp,
    /// llama.cpp with its extra buffers: weights repacked for the processor
    LlamaCppExtra,
    /// PyTorch as it is
    TorchEager,
    /// PyTorch with `torch.compile`
    TorchCompiled,
}

impl Peer {
    pub(super) fn computes_in(self, dtype: Precision) -> bool {
        match self {
            Self::LlamaCpp | Self::LlamaCppExtra => true,
            Self::TorchEager | Self::TorchCompiled => torch_name(dtype).is_some(),
        }
    }

    /// What the program is called in a table.
    pub(super) fn title(self, dtype: Precision) -> String {
        match self {
            Self::LlamaCpp => format!("{}, llama.cpp", llama_name(dtype)),
            Self::LlamaCppExtra => format!("{}, llama.cpp, extra buffers", llama_name(dtype)),
            Self::TorchEager => format!("{dtype}, PyTorch, eager"),
            Self::TorchCompiled => format!("{dtype}, PyTorch, compiled"),
        }
    }

    /// One round.
    pub(super) fn measure(
        self,
        args: &Args,
        shape: &Shape,
        folder: &Path,
        dtype: Precision,
    ) -> anyhow::Result<Measured> {
        let mut question = json!({
            "config": shape.config, "threads": args.threads, "prefill": shape.prefill,
            "positions": shape.positions, "decoded": DECODED,
        });
        let (python, script) = match self {
            Self::LlamaCpp | Self::LlamaCppExtra => {
                question["path"] = json!(folder.join(format!("{dtype}.gguf")));
                question["dtype"] = json!(llama_name(dtype));
                question["extra_buffers"] = json!(self == Self::LlamaCppExtra);
                let script = include_str!("../../python/bench_llama_cpp.py");
                (&args.llama_python, script)
            }
            Self::TorchEager | Self::TorchCompiled => {
                question["dtype"] = json!(torch_name(dtype));
                question["compiled"] = json!(self == Self::TorchCompiled);
                question["device"] = json!("cpu");
                question["repetitions"] = json!(1);
                let script = include_str!("../../python/bench_torch.py");
                (&args.torch_python, script)
            }
        };
        let measured = measured_program::run(python, script, &question)?;
        ensure!(
            measured.speeds.len() == shape.columns().len(),
            "a measurement is missing"
        );
        Ok(measured)
    }
}

/// The type of llama.cpp that is compared with ours.
fn llama_name(dtype: Precision) -> &'static str {
    match dtype {
        Precision::Int8 => "q8_0",
        Precision::Int4 => "q4_0",
        other => other.as_str(),
    }
}

/// The type of PyTorch, if it has one.
pub(crate) fn torch_name(dtype: Precision) -> Option<&'static str> {
    match dtype {
        Precision::F32 => Some("float32"),
        Precision::F16 => Some("float16"),
        Precision::Bf16 => Some("bfloat16"),
        _ => None,
    }
}
