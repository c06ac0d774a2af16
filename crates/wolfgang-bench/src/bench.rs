//! Measurement of all configurations of a benchmark.

use crate::case::{Case, LoadTime, Measurement, ThroughputSamples, Workload};
use crate::process::measure_in_process;
use crate::{BenchError, BenchOptions, BenchReport, Configuration};
use std::path::PathBuf;
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, convert};
use wolfgang_model::{DeviceId, DeviceName, ModelConfig, Precision};

/// Length of the prompt before the first token, unless the model's context is shorter.
const FIRST_TOKEN_PROMPT: usize = 512;

/// A benchmark of one model.
#[derive(Debug)]
pub struct Bench {
    weights: Weights,
    config: ModelConfig,
    workload: Workload,
    configurations: Vec<Configuration>,
}

#[derive(Debug)]
enum Weights {
    Given(PathBuf),
    /// One native folder per precision, written when it is needed.
    Random {
        checkpoint: Box<Checkpoint>,
        folder: TempDir,
    },
}

impl Bench {
    /// Opens the model and tests the devices. Nothing is measured yet.
    ///
    /// # Errors
    /// [`BenchError::Checkpoint`], [`BenchError::Model`] if a device is not available,
    /// [`BenchError::InvalidOption`], [`BenchError::Io`].
    pub fn new(options: &BenchOptions) -> Result<Self, BenchError> {
        let (weights, config) = match &options.model {
            Some(path) => {
                let config = Checkpoint::open(path)?.config().clone();
                (Weights::Given(path.clone()), config)
            }
            None => {
                let config = ModelConfig::default();
                let checkpoint = Box::new(Checkpoint::random(&config, 1)?);
                let folder =
                    tempfile::tempdir().map_err(BenchError::io("create a temporary directory"))?;
                (Weights::Random { checkpoint, folder }, config)
            }
        };
        Ok(Self {
            weights,
            workload: options.workload(&config)?,
            config,
            configurations: configurations(options)?,
        })
    }

    /// Returns every combination of device, precision and number of threads, in this order. The
    /// number of threads varies on the CPU only.
    pub fn configurations(&self) -> &[Configuration] {
        &self.configurations
    }

    /// Measures one configuration, which takes seconds to minutes.
    ///
    /// The measurements run in other processes, which the [crate documentation](crate) describes.
    ///
    /// # Errors
    /// [`BenchError::CaseFailed`], for example if the device does not support the precision;
    /// [`BenchError::Checkpoint`] and [`BenchError::Io`] if random weights cannot be written;
    /// [`BenchError::Json`] and [`BenchError::NoSamples`] if the program did not print the result
    /// of [`run_case`](crate::run_case).
    pub fn measure(&self, configuration: &Configuration) -> Result<BenchReport, BenchError> {
        let model = self.model(configuration.precision)?;
        let case = |measurement| Case {
            model: model.clone(),
            configuration: *configuration,
            measurement,
        };
        let prompt_tokens = FIRST_TOKEN_PROMPT.min(self.config.block_size);
        let load = case(Measurement::LoadTime { prompt_tokens });
        let mut load_times = Vec::new();
        for repetition in 0..=self.workload.repetitions {
            let load_time: LoadTime = measure_in_process(&load)?;
            // The first brings the file into the page cache.
            if repetition > 0 {
                load_times.push(load_time);
            }
        }
        let throughput = case(Measurement::Throughput(self.workload.clone()));
        let samples: ThroughputSamples = measure_in_process(&throughput)?;
        BenchReport::new(
            configuration,
            &self.config,
            prompt_tokens,
            &load_times,
            &samples,
        )
    }

    /// Returns the path of the checkpoint; random weights are in this precision.
    fn model(&self, precision: Precision) -> Result<PathBuf, BenchError> {
        match &self.weights {
            Weights::Given(path) => Ok(path.clone()),
            Weights::Random { checkpoint, folder } => {
                let path = folder.path().join(precision.as_str());
                if !path.exists() {
                    let options = ConvertOptions::default().with_precision(precision);
                    convert(checkpoint, &path, &options, &mut ())?;
                }
                Ok(path)
            }
        }
    }
}

fn configurations(options: &BenchOptions) -> Result<Vec<Configuration>, BenchError> {
    let mut configurations = Vec::new();
    for device in &options.devices {
        let (device, _) = device.find()?;
        let threads: Vec<_> = match device == DeviceId::Flex && !options.threads.is_empty() {
            true => options.threads.iter().copied().map(Some).collect(),
            false => vec![None],
        };
        for precision in &options.precisions {
            configurations.extend(threads.iter().map(|threads| Configuration {
                device: DeviceName::Specific(device),
                precision: *precision,
                threads: *threads,
            }));
        }
    }
    Ok(configurations)
}
