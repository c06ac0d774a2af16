//! `cargo xtask bench-engine`: what an engine's callers wait for each other.

use crate::release_build::with_release_build;
use anyhow::{Context, anyhow};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    Batch, Device, Engine, EngineOptions, Event, GenerateError, GenerateOptions, ModelConfig,
    ModelOptions, Precision, StoppingContext, Tokenizer, WolfgangGenerator,
};

/// The standard shape (75M) with random weights: eight streams that decode, alone and while a long
/// prompt arrives every second; and eight callers beside a batch of eight.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Element types of the weights
    #[arg(
        long = "dtype",
        value_name = "DTYPE,...",
        value_delimiter = ',',
        default_value = "f32,int8"
    )]
    dtypes: Vec<Precision>,

    /// Rows of prompts in one forward pass; 0 computes whole prompts. Without it, the engine's
    /// default
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    prefill_rows: Vec<usize>,

    /// Threads that compute. Without it, one for each core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Texts that each stream generates for one line of the table
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u64,

    /// How often everything is measured
    #[arg(long, value_name = "N", default_value_t = 3)]
    repetitions: usize,
}

const STREAMS: u64 = 8;

/// Tokens of the prompt that a stream begins with.
const SHORT_PROMPT: usize = 32;

/// Tokens of the prompt that arrives every second.
const LONG_PROMPT: usize = 448;

/// Tokens that a stream generates, within the context.
const TOKENS: usize = 440;

/// From a full second to the arrival of a long prompt.
const ARRIVAL: Duration = Duration::from_millis(400);

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_release_build(&[], true, Path::new(""), || measure(args))
}

#[expect(clippy::print_stdout, reason = "a program may print")]
fn measure(args: &Args) -> anyhow::Result<()> {
    let default = EngineOptions::default()
        .max_prefill_rows
        .map_or(0, NonZeroUsize::get);
    let limits = match &args.prefill_rows[..] {
        [] => &[default],
        given => given,
    };
    println!(
        "dtype  rows   gap p50, p99 ms   with prompts p50, p99 ms   ratio p99   first token ms"
    );
    for precision in &args.dtypes {
        let generator = generator(*precision, args.threads)?;
        let dtype = precision.as_str();
        for &rows in limits {
            let options = EngineOptions::default().with_max_prefill_rows(NonZeroUsize::new(rows));
            for _ in 0..args.repetitions {
                let (mut alone, mut disturbed) = (Waits::default(), Waits::default());
                for round in 0..args.rounds {
                    alone.extend(streams(&generator, &options, round, false)?);
                    disturbed.extend(streams(&generator, &options, round, true)?);
                }
                let [p50, p99] = [0.5, 0.99].map(|share| percentile(&alone.gaps, share));
                let [with50, with99] = [0.5, 0.99].map(|share| percentile(&disturbed.gaps, share));
                let first = percentile(&disturbed.first_tokens, 0.5);
                let ratio = with99 / p99;
                println!(
                    "{dtype:5} {rows:5} {p50:10.2} {p99:6.2} {with50:19.2} {with99:6.2} {ratio:11.2} {first:16.1}"
                );
            }
        }
        println!(
            "dtype   batch of {STREAMS}   {STREAMS} callers of summaries, ratio   {STREAMS} readers of events, ratio   (tokens/s)"
        );
        for _ in 0..args.repetitions {
            let batch = batch_throughput(&generator)?;
            let callers = engine_throughput(&generator, false)?;
            let readers = engine_throughput(&generator, true)?;
            println!(
                "{dtype:5} {batch:12.1} {callers:21.1} {:9.3} {readers:19.1} {:9.3}",
                callers / batch,
                readers / batch
            );
        }
    }
    Ok(())
}

/// A model of the standard shape, with the tokenizer of the shipped model: random tokens decode to
/// any text.
fn generator(
    precision: Precision,
    threads: Option<NonZeroUsize>,
) -> anyhow::Result<WolfgangGenerator> {
    let config = ModelConfig::default();
    let mut options = ModelOptions::from(precision);
    options.threads = threads;
    let checkpoint = Checkpoint::random(&config, 1)?;
    let model = checkpoint.into_model_with(&Device::flex(), options, &mut ())?;
    let path = Path::new("models/faust/tokenizer.json");
    let text = std::fs::read_to_string(path)
        .context("models/faust is not here: run this from the top of the repository")?;
    let mut json: serde_json::Value = serde_json::from_str(&text)?;
    let vocab = json["model"]["vocab"]
        .as_object_mut()
        .context("the tokenizer has no vocabulary")?;
    for id in vocab.len()..config.vocab_size {
        vocab.insert(format!("unused{id}"), id.into());
    }
    let tokenizer = Tokenizer::from_bytes(&serde_json::to_vec(&json)?)?;
    Ok(WolfgangGenerator::new(model, tokenizer)?)
}

/// Ids in no order, other ones for every `n` below 3000: no prompt is a prefix of another.
pub(crate) fn prompt(n: u64, length: usize) -> Vec<u32> {
    let id = |i: u64| 300 + ((n * 7919 + i * 104_729) % 3000) as u32;
    (0..length as u64).map(id).collect()
}

fn with(seed: u64, max_new_tokens: usize) -> GenerateOptions {
    let mut options = GenerateOptions::default();
    options.max_new_tokens = max_new_tokens;
    options.ignore_eos = true;
    options.seed = Some(seed);
    options
}

/// Milliseconds.
#[derive(Default)]
struct Waits {
    /// Between two tokens of a stream, while all streams decode.
    gaps: Vec<f64>,
    /// Between the submission of a long prompt and its first token.
    first_tokens: Vec<f64>,
}

impl Waits {
    fn extend(&mut self, other: Self) {
        self.gaps.extend(other.gaps);
        self.first_tokens.extend(other.first_tokens);
    }
}

/// Lets the streams decode, and submits a long prompt every second if they are to be disturbed.
fn streams(
    generator: &WolfgangGenerator,
    options: &EngineOptions,
    round: u64,
    is_disturbed: bool,
) -> anyhow::Result<Waits> {
    let engine = Engine::new(generator.clone(), options.clone())?;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let streams: Vec<_> = (0..STREAMS)
            .map(|stream| {
                let engine = engine.clone();
                scope.spawn(move || decode(&engine, stream))
            })
            .collect();
        let mut first_tokens = Vec::new();
        for second in 0.. {
            let arrival = Duration::from_secs(second) + ARRIVAL;
            std::thread::sleep(arrival.saturating_sub(start.elapsed()));
            if streams
                .iter()
                .any(std::thread::ScopedJoinHandle::is_finished)
            {
                break;
            }
            if is_disturbed {
                let submitted = Instant::now();
                let prompt = prompt(100 * (round + 1) + second, LONG_PROMPT);
                engine.submit(&prompt, &with(second, 1))?.into_summary()?;
                first_tokens.push(milliseconds(submitted.elapsed()));
            }
        }
        let mut times = Vec::new();
        for stream in streams {
            times.push(stream.join().map_err(|_| anyhow!("a stream panicked"))??);
        }
        // The prompts of the streams themselves are not measured, nor is what follows the end of
        // one.
        let begin = times
            .iter()
            .filter_map(|times| times.first().copied())
            .max();
        let end = times.iter().filter_map(|times| times.last().copied()).min();
        let (begin, end) = begin.zip(end).context("the streams have no tokens")?;
        let pairs = times.iter().flat_map(|times| times.windows(2));
        let pairs = pairs.filter(|pair| begin <= pair[0] && pair[1] <= end);
        let gaps = pairs.map(|pair| milliseconds(pair[1] - pair[0])).collect();
        Ok(Waits { gaps, first_tokens })
    })
}

/// Generates a text; returns the times of its tokens.
fn decode(engine: &Engine, stream: u64) -> Result<Vec<Instant>, GenerateError> {
    // Events are not one for each token, so the tokens are timed where they are chosen.
    let (send, times) = mpsc::channel();
    let prompt = prompt(stream, SHORT_PROMPT);
    let generation = engine
        .generator()
        .generate(&prompt, &with(stream, TOKENS))?;
    let generation =
        generation.with_stopping(move |_: &StoppingContext<'_>| send.send(Instant::now()).is_err());
    engine.submit_generation(generation)?.into_summary()?;
    Ok(times.into_iter().collect())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The value below which this share of the values lies; 0 if there are none.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// Tokens a second of a batch.
fn batch_throughput(generator: &WolfgangGenerator) -> anyhow::Result<f64> {
    let start = Instant::now();
    let generations =
        (0..STREAMS).map(|n| generator.generate(&prompt(n, SHORT_PROMPT), &with(n, TOKENS)));
    let batch = generations.collect::<Result<Batch, _>>()?;
    let mut tokens = 0;
    for (_, event) in batch {
        if let Event::Finished(summary) = event? {
            tokens += summary.generated_tokens;
        }
    }
    Ok(tokens as f64 / start.elapsed().as_secs_f64())
}

/// Tokens a second of callers on threads of their own, which read every event or wait for the
/// summary.
fn engine_throughput(generator: &WolfgangGenerator, reads_events: bool) -> anyhow::Result<f64> {
    let engine = Engine::new(generator.clone(), EngineOptions::default())?;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..STREAMS)
            .map(|n| {
                let engine = engine.clone();
                scope.spawn(move || {
                    let mut handle = engine.submit(&prompt(n, SHORT_PROMPT), &with(n, TOKENS))?;
                    if !reads_events {
                        return Ok(handle.into_summary()?.generated_tokens);
                    }
                    handle.try_fold(0, |tokens, event| match event? {
                        Event::Finished(summary) => Ok(summary.generated_tokens),
                        _ => Ok::<_, GenerateError>(tokens),
                    })
                })
            })
            .collect();
        let mut tokens = 0;
        for caller in callers {
            tokens += caller.join().map_err(|_| anyhow!("a caller panicked"))??;
        }
        Ok(tokens as f64 / start.elapsed().as_secs_f64())
    })
}
