//! `wolfgang generate`.

use crate::config_file::ConfigFile;
use crate::generate_args::GenerateArgs;
use crate::interrupt;
use crate::lost_characters;
use crate::output::{ModelLine, Output};
use crate::text_source;
use crate::token_ids::TokenIds;
use crate::voice::{Voice, Volume};
use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use wolfgang_generate::{
    Event, GenerateError, Generation, Prompt, SamplingParams, Summary, WolfgangGenerator,
};

pub(crate) fn run(args: GenerateArgs, file: ConfigFile, voice: Voice) -> anyhow::Result<()> {
    let model_args = args.model.over(file.model, &file.folder);
    let sampling = args.sampling.over(file.sampling);
    let length = args.length.or(file.length);
    // Before the model is loaded: a mistyped number should not cost a second.
    sampling.check()?;
    sampling.params().validate().map_err(GenerateError::from)?;
    length.check()?;
    let ids = args.prompt_ids.as_deref().map(TokenIds::joined);
    let text = match ids {
        Some(_) => String::new(),
        None => prompt(args.prompt.as_deref(), voice)?,
    };
    let (generator, load_seconds) = model_args.load(voice)?;
    let options = length
        .options(&sampling, generator.tokenizer(), MAX_NEW_TOKENS)?
        .with_include_prompt(args.include_prompt)
        .with_logprobs(args.logprobs);
    let prompt = match &ids {
        Some(ids) => Prompt::Ids(ids),
        None => Prompt::Text(&text),
    };
    let samples = args.samples.get();
    let mut batch = generator.generate_n(prompt, &options, samples)?;
    if let Some(first) = batch.generations().next() {
        warn(first, &text, &generator, voice)?;
    }

    // Only now is there something to end cleanly; before, Ctrl-C simply ends the program.
    let interrupted = interrupt::listen()?;
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
        let unknown_seed = is_drawn && sampling.seed().is_none() && !args.json;
        let person = std::io::stderr().is_terminal() && !args.json;
        if unknown_seed || person || voice.volume == Volume::Verbose {
            voice.note(&closing_line(&summary, is_drawn, &in_memory, voice));
        }
    }
    output.finish()?;
    Ok(interrupt::check(&interrupted)?)
}

/// The text to continue, which is empty for a new document.
pub(crate) fn prompt(given: Option<&str>, voice: Voice) -> anyhow::Result<String> {
    let text = text_source::given_or_piped(given)?;
    if text.is_none() && std::io::stdin().is_terminal() {
        voice.note(voice.pick(
            "[kein Text: ein neuer beginnt]",
            "[no text: a new document begins]",
        ));
    }
    Ok(text.unwrap_or_default())
}

/// As the original has it.
const MAX_NEW_TOKENS: usize = 100;

/// What the model will not see of the prompt.
pub(crate) fn warn(
    generation: &Generation,
    text: &str,
    generator: &WolfgangGenerator,
    voice: Voice,
) -> Result<(), GenerateError> {
    let cut = generation.truncated_tokens();
    if cut > 0 {
        let kept = generator.model().config().block_size;
        voice.warning(&voice.pick(
            format!("der Text ist um {cut} Token zu lang; das Modell sieht die letzten {kept}"),
            format!(
                "the prompt is {cut} tokens too long and was truncated to its last {kept} tokens"
            ),
        ));
    }
    if let Some(lost) = lost_characters::of(text, generator.tokenizer(), voice)? {
        voice.warning(&voice.pick(
            format!(
                "dem Vokabular des Modells fehlen Zeichen des Textes; es sieht sie nicht: {lost}"
            ),
            format!(
                "the model's vocabulary lacks characters of the prompt, which were dropped: {lost}"
            ),
        ));
    }
    Ok(())
}

/// What repeats the text, how fast it came, and what the weights take.
fn closing_line(summary: &Summary, is_drawn: bool, in_memory: &str, voice: Voice) -> String {
    let Summary {
        generated_tokens,
        seed,
        timing,
        ..
    } = summary;
    let rate = *generated_tokens as f64 / timing.decode.as_secs_f64().max(f64::MIN_POSITIVE);
    let seed = match is_drawn {
        true => voice.pick(format!("Seed {seed}, "), format!("seed {seed}, ")),
        false => String::new(),
    };
    voice.pick(
        format!("[{seed}{generated_tokens} Token, {rate:.0} je Sekunde, Gewichte: {in_memory}]"),
        format!("[{seed}{generated_tokens} tokens, {rate:.0} a second, weights of {in_memory}]"),
    )
}

/// Whether the text depends on the seed: without a temperature, the most likely token is always taken.
fn is_drawn(sampling: &SamplingParams) -> bool {
    let excludes = sampling
        .xtc
        .as_ref()
        .is_some_and(|xtc| xtc.probability > 0.0);
    sampling.temperature != 0.0 || sampling.dynamic_temperature.is_some() || excludes
}

/// A number of bytes in the largest unit of which there is at least one.
fn size(bytes: u64) -> String {
    match bytes {
        1_000_000.. => format!("{} MB", bytes / 1_000_000),
        1_000.. => format!("{} kB", bytes / 1_000),
        _ => format!("{bytes} bytes"),
    }
}
