//! What this processor does at best.

use std::num::NonZeroUsize;
use std::time::Instant;
use wolfgang_generate::{Precision, WolfgangModel};
use wolfgang_kernels::{Cpu, Format, Isa, Memory};

/// More than most caches hold.
const BYTES: usize = 256 << 20;

/// For each thread: enough to take some milliseconds.
const MULTIPLY_ADDS: usize = 2_000_000_000;

/// Reads of the memory in one round.
const READS: usize = 4;

pub(super) struct Limits {
    cpu: Cpu,
    memory: Memory,
    format: Format,
}

impl Limits {
    /// With as many threads as the model has; none if it does not compute by our kernels.
    pub(super) fn new(model: &WolfgangModel) -> anyhow::Result<Option<Self>> {
        let Some(threads) = model.threads().and_then(NonZeroUsize::new) else {
            return Ok(None);
        };
        let mut cpu = Cpu::new(Isa::best(), threads)?;
        let memory = cpu.memory(BYTES)?;
        let format = match model.precision() {
            Precision::F32 => Format::F32,
            Precision::F16 => Format::F16,
            Precision::Bf16 => Format::Bf16,
            Precision::Int8 => Format::Int8,
            _ => return Ok(None),
        };
        Ok(Some(Self {
            cpu,
            memory,
            format,
        }))
    }

    pub(super) fn instructions(&self) -> String {
        Isa::best().name().to_owned()
    }

    /// Bytes a second.
    pub(super) fn read(&mut self) -> f64 {
        let begun = Instant::now();
        for _ in 0..READS {
            self.cpu.read(&self.memory);
        }
        (READS * self.memory.bytes()) as f64 / begun.elapsed().as_secs_f64()
    }

    /// Multiply-adds a second.
    pub(super) fn multiply_adds(&mut self) -> f64 {
        let begun = Instant::now();
        let done = self
            .cpu
            .multiply_adds(self.format, MULTIPLY_ADDS * self.cpu.threads());
        done as f64 / begun.elapsed().as_secs_f64()
    }
}
