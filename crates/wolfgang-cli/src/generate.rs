//! `wolfgang generate`.

use crate::args::GenerateArgs;
use crate::output::{ModelLine, Output};
use crate::progress::ProgressLine;
use crate::report::{BadParameter, say, warning};
use crate::{faust, interrupt, model_source};
use anyhow::Context;
use std::io::{IsTerminal, Read};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    Device, Event, GenerateError, GenerateOptions, Generation, ModelOptions, Prompt,
    SamplingParams, Summary, Tokenizer, Wolfgang, WolfgangGenerator, check_vocabulary,
    tokenizer_beside,
};

pub(crate) fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    let sampling = sampling(args);
    // Before the model is loaded: a mistyped number should not cost a second.
    sampling.validate().map_err(GenerateError::from)?;
    let text = prompt_text(args)?;
    let device = args.device.open().map_err(GenerateError::from)?;
    let begun = Instant::now();
    let generator = load(args, &device)?;
    let model = model_line(generator.model(), begun.elapsed());

    let tokenizer = generator.tokenizer();
    let options = GenerateOptions {
        max_new_tokens: args.max_new_tokens,
        sampling,
        stop_tokens: stop_tokens(&args.stop_tokens, tokenizer)?,
        ignore_eos: args.ignore_eos,
        seed: args.seed,
        include_prompt: args.include_prompt,
        overflow: args.overflow.into(),
        ..GenerateOptions::default()
    };
    let prompt = match &args.prompt_ids {
        Some(ids) => Prompt::Ids(ids),
        None => Prompt::Text(&text),
    };
    let mut generation = generator.generate(prompt, &options)?;
    warn(&generation, &text, &generator)?;

    // Only now is there something to end cleanly; before, Ctrl-C simply ends the program.
    let interrupted = interrupt::listen()?;
    let in_memory = format!("{} MB in {}", model.weight_bytes / 1_000_000, model.dtype);
    let mut output = Output::new(args.json, !args.no_stream, model);
    loop {
        if interrupted.load(Ordering::Relaxed) {
            generation.cancel();
        }
        let Some(event) = generation.next() else {
            break;
        };
        let event = event?;
        output.write(&event)?;
        if let Event::Finished(summary) = event
            && !args.json
            && (args.seed.is_none() || std::io::stderr().is_terminal())
        {
            say(&closing_line(&summary, &in_memory));
        }
    }
    Ok(())
}

/// What the model will not see of the prompt.
fn warn(
    generation: &Generation<'_>,
    text: &str,
    generator: &WolfgangGenerator,
) -> Result<(), GenerateError> {
    if generation.cut_tokens() > 0 {
        let kept = generator.model().config().block_size;
        warning(&format!(
            "the prompt is too long by {} tokens; the model sees its last {kept}",
            generation.cut_tokens()
        ));
    }
    if !generator.tokenizer().represents(text)? {
        warning("the model's vocabulary lacks characters of the prompt; it does not see them");
    }
    Ok(())
}

fn sampling(args: &GenerateArgs) -> SamplingParams {
    SamplingParams {
        temperature: args.temperature,
        top_k: (args.top_k > 0).then_some(args.top_k),
        top_p: (args.top_p != 1.0).then_some(args.top_p),
        repetition_penalty: args.repetition_penalty,
        repetition_window: args.repetition_window,
        penalize: args.penalize.into(),
        rng: args.rng.into(),
        ..SamplingParams::default()
    }
}

fn prompt_text(args: &GenerateArgs) -> anyhow::Result<String> {
    match args.prompt.as_deref() {
        Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the prompt from standard input")?;
            // Whatever writes a line ends it; the line break is not meant as part of the text.
            let text = text.strip_suffix('\n').unwrap_or(&text);
            Ok(text.strip_suffix('\n').unwrap_or(text).to_owned())
        }
        Some(text) => Ok(text.to_owned()),
        None => Ok(String::new()),
    }
}

fn load(args: &GenerateArgs, device: &Device) -> anyhow::Result<WolfgangGenerator> {
    let options = ModelOptions {
        precision: args.dtype.into(),
        cache: args.cache_dtype.map(Into::into),
        threads: args.threads,
        ..ModelOptions::default()
    };
    let Some(model) = &args.model else {
        let tokenizer = match &args.tokenizer {
            Some(tokenizer) => Tokenizer::from_file(tokenizer).map_err(GenerateError::from)?,
            None => faust::tokenizer()?,
        };
        return Ok(WolfgangGenerator::new(
            faust::model(device, options)?,
            tokenizer,
        )?);
    };
    let path = model_source::resolve(model)?;
    let checkpoint = Checkpoint::open(&path)?;
    let beside = tokenizer_beside(&path);
    let tokenizer = Tokenizer::from_file(args.tokenizer.as_ref().unwrap_or(&beside))
        .map_err(GenerateError::from)?;
    // Before the weights are read: a wrong pair is known by then.
    check_vocabulary(&tokenizer, checkpoint.config())?;
    let model = checkpoint.into_model_with(device, options, &mut ProgressLine::default())?;
    Ok(WolfgangGenerator::new(model, tokenizer)?)
}

/// Stop tokens by their ids; a text must be exactly one token.
fn stop_tokens(given: &[String], tokenizer: &Tokenizer) -> Result<Vec<u32>, BadParameter> {
    let id = |text: &String| match text.parse() {
        Ok(id) => Ok(id),
        Err(_) => tokenizer.token_id(text).ok_or_else(|| {
            BadParameter(format!(
                "--stop-token is {text:?}, but it must be an id or exactly one token"
            ))
        }),
    };
    given.iter().map(id).collect()
}

fn model_line(model: &Wolfgang, load: Duration) -> ModelLine {
    ModelLine {
        parameters: model.config().n_parameters(),
        dtype: model.precision().to_string(),
        weight_bytes: model.weight_bytes(),
        load_seconds: load.as_secs_f64(),
    }
}

/// What repeats the text, how fast it came, and what the weights take.
fn closing_line(summary: &Summary, in_memory: &str) -> String {
    let Summary {
        generated_tokens,
        seed,
        timing,
        ..
    } = summary;
    let rate = *generated_tokens as f64 / timing.decode.as_secs_f64().max(f64::MIN_POSITIVE);
    format!("[seed {seed}, {generated_tokens} tokens, {rate:.0} a second, weights of {in_memory}]")
}
