//! `wolfgang generate`.

use crate::config_file::ConfigFile;
use crate::console::{Console, Verbosity};
use crate::generate_args::GenerateArgs;
use crate::interrupt;
use crate::output::{ModelLine, Output};
use crate::prompt;
use crate::token_ids::TokenIds;
use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use wolfgang_generate::{Event, Prompt, SamplingParams, Summary};

pub(crate) fn run(args: GenerateArgs, file: ConfigFile, console: Console) -> anyhow::Result<()> {
    let mut generation = args.generation.over(file);
    generation.check()?;
    let ids = args.prompt_ids.as_deref().map(TokenIds::joined);
    let text = match ids {
        Some(_) => String::new(),
        None => prompt::read(args.prompt.as_deref(), console)?,
    };
    let (generator, load_seconds) = generation.load(console)?;
    let options = generation
        .options(generator.tokenizer(), MAX_NEW_TOKENS)?
        .with_include_prompt(args.include_prompt)
        .with_logprobs(args.logprobs);
    let prompt = match &ids {
        Some(ids) => Prompt::Ids(ids),
        None => Prompt::Text(&text),
    };
    let samples = args.samples.get();
    let mut batch = generator.generate_n(prompt, &options, samples)?;
    if let Some(first) = batch.generations().next() {
        prompt::warn(first, &text, &generator, console)?;
    }

    // Until here, Ctrl-C ends the program; from here on it ends the text.
    let interrupted = interrupt::install_handler()?;
    let model = ModelLine::new(generator.model(), load_seconds);
    let in_memory = format!("{} in {}", size(model.weight_bytes as u64), model.dtype);
    let is_drawn = is_drawn(&options.sampling);
    let mut output = Output::new(
        args.json,
        !args.no_stream,
        samples,
        model,
        generator.tokenizer(),
    );
    loop {
        if interrupted.load(Ordering::Relaxed) {
            batch.cancel();
        }
        let Some((sample, event)) = batch.next() else {
            break;
        };
        let event = event?;
        output.write(sample, &event)?;
        let Event::Finished(summary) = event else {
            continue;
        };
        let is_seed_new = is_drawn && generation.sampling.seed().is_none() && !args.json;
        let is_interactive = std::io::stderr().is_terminal() && !args.json;
        if is_seed_new || is_interactive || console.verbosity == Verbosity::Verbose {
            console.info(&closing_line(&summary, is_drawn, &in_memory));
        }
    }
    output.finish()?;
    Ok(interrupt::check(&interrupted)?)
}

/// The default of the original.
const MAX_NEW_TOKENS: usize = 100;

/// The seed, the speed and the memory that the weights take.
fn closing_line(summary: &Summary, is_drawn: bool, in_memory: &str) -> String {
    let Summary {
        generated_tokens,
        seed,
        timing,
        ..
    } = summary;
    let rate = *generated_tokens as f64 / timing.decode.as_secs_f64().max(f64::MIN_POSITIVE);
    let seed = match is_drawn {
        true => format!("seed {seed}, "),
        false => String::new(),
    };
    format!("[{seed}{generated_tokens} tokens, {rate:.0} a second, weights of {in_memory}]")
}

/// Whether the text depends on the seed: greedy decoding does not.
fn is_drawn(sampling: &SamplingParams) -> bool {
    let excludes = sampling
        .xtc
        .as_ref()
        .is_some_and(|xtc| xtc.probability > 0.0);
    sampling.temperature != 0.0 || sampling.dynamic_temperature.is_some() || excludes
}

/// A number of bytes in the largest unit that it fills.
fn size(bytes: u64) -> String {
    match bytes {
        1_000_000.. => format!("{} MB", bytes / 1_000_000),
        1_000.. => format!("{} kB", bytes / 1_000),
        _ => format!("{bytes} bytes"),
    }
}
