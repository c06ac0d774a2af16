//! `wolfgang inspect`.

use crate::console::{Console, one_line};
use crate::home;
use crate::model_args::unread_classes;
use crate::model_source;
use crate::progress::ProgressLine;
use crate::standard_streams;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use wolfgang_generate::{GenerateError, ModelConfig, OpenedModel, Tokenizer, TokenizerSource};

/// Arguments of `wolfgang inspect`.
#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// Checkpoint: a .pt or .gguf file, a native or a Hugging Face folder, or
    /// hf:OWNER/NAME[/FILE.pt][@REVISION]
    #[arg(value_parser = home::path())]
    path: PathBuf,

    /// tokenizer.json of the model [default: the one in the .gguf file or next to the checkpoint]
    #[arg(long, value_name = "PATH", value_parser = home::path())]
    tokenizer: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The output of `--json`; `docs/command.md` describes it.
#[derive(Serialize)]
struct Findings<'a> {
    path: String,
    format: String,
    config: &'a ModelConfig,
    parameters: usize,
    dtypes: Vec<Count>,
    tensors: Vec<TensorLine<'a>>,
    skipped: Vec<SkippedLine<'a>>,
    end_ids: &'a [u32],
    unread_classes: &'a [String],
    tokenizer: Option<TokenizerLine>,
    sampling: Option<Sampling>,
}

#[derive(Serialize)]
struct Count {
    dtype: &'static str,
    tensors: usize,
}

#[derive(Serialize)]
struct TensorLine<'a> {
    name: &'a str,
    dtype: &'static str,
    shape: &'a [usize],
}

#[derive(Serialize)]
struct SkippedLine<'a> {
    name: &'a str,
    reason: &'static str,
}

#[derive(Serialize)]
struct TokenizerLine {
    path: String,
    /// Of a tokenizer in a GGUF file, the values of its `model` and `pre`.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedded: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vocab_size: Option<usize>,
    /// Bytes that no token has, so that constraints may be impossible.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_bytes: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_template: Option<bool>,
    fits: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// The settings of `--preset model`, or why they cannot be used.
#[derive(Serialize)]
#[serde(untagged)]
enum Sampling {
    Settings {
        do_sample: bool,
        temperature: f32,
        top_k: Option<usize>,
        top_p: f32,
        min_p: Option<f32>,
        typical_p: f32,
        repetition_penalty: f32,
        no_repeat_ngram_size: Option<usize>,
        unused: Vec<String>,
    },
    Problem {
        problem: String,
    },
}

pub(crate) fn run(args: &InspectArgs, console: Console) -> anyhow::Result<()> {
    let mut progress = ProgressLine::new(console);
    let opened = model_source::builder(&args.path, console, &mut progress)?.open()?;
    let checkpoint = opened.checkpoint();
    let config = checkpoint.config();
    let findings = Findings {
        path: checkpoint.path().display().to_string(),
        format: checkpoint.format().to_string(),
        config,
        parameters: config.n_parameters(),
        dtypes: checkpoint
            .dtypes()
            .into_iter()
            .map(|(dtype, tensors)| Count { dtype, tensors })
            .collect(),
        tensors: checkpoint
            .tensors()
            .map(|tensor| TensorLine {
                name: tensor.name,
                dtype: tensor.dtype,
                shape: tensor.shape,
            })
            .collect(),
        skipped: checkpoint
            .skipped()
            .iter()
            .map(|skipped| SkippedLine {
                name: &skipped.name,
                reason: skipped.reason,
            })
            .collect(),
        end_ids: checkpoint.end_ids(),
        tokenizer: tokenizer(args, &opened),
        unread_classes: checkpoint.unread_classes(),
        sampling: sampling(&opened),
    };
    let mut out = standard_streams::output();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&findings)?)?;
    } else {
        write_report(&findings, &mut out)?;
        if let Some(unread) = unread_classes(checkpoint) {
            writeln!(out, "\n{unread}")?;
        }
    }
    Ok(out.flush()?)
}

/// The tokenizer of `--tokenizer` or the checkpoint's own, and whether it fits.
fn tokenizer(args: &InspectArgs, opened: &OpenedModel<'_>) -> Option<TokenizerLine> {
    let source = match (&args.tokenizer, opened.tokenizer()) {
        (Some(path), _) => TokenizerSource::File(path.clone()),
        (None, TokenizerSource::File(path)) if !path.is_file() => return None,
        (None, own) => own.clone(),
    };
    let embedded = opened.checkpoint().embedded_tokenizer();
    let embedded = embedded.filter(|_| matches!(source, TokenizerSource::Embedded(_)));
    let read = opened.read_tokenizer(&source);
    let vocab_size = match &read {
        Ok(tokenizer) => Some(tokenizer.vocab_size()),
        Err(GenerateError::VocabularyMismatch { tokenizer, .. }) => Some(*tokenizer),
        Err(_) => embedded.map(|embedded| embedded.tokens.len()),
    };
    let in_file = embedded.map(|embedded| embedded.chat_template.is_some());
    let chat_template = match &read {
        Ok(tokenizer) => Some(tokenizer.chat_template().is_some()),
        Err(_) => in_file,
    };
    let missing_bytes = read.as_ref().ok().map(Tokenizer::missing_bytes);
    let problem = read.err();
    Some(TokenizerLine {
        path: source.path().display().to_string(),
        embedded: embedded.map(|embedded| {
            let pre = embedded.pre.as_ref().map(|pre| format!(" {pre}"));
            format!("{}{}", embedded.model, pre.unwrap_or_default())
        }),
        vocab_size,
        missing_bytes,
        chat_template,
        fits: problem.is_none(),
        problem: problem.map(chain),
    })
}

/// The settings in the `generation_config.json` of the checkpoint, if there is one.
fn sampling(opened: &OpenedModel<'_>) -> Option<Sampling> {
    let config = match opened.generation_config() {
        Ok(config) => config?,
        Err(error) => {
            return Some(Sampling::Problem {
                problem: chain(error),
            });
        }
    };
    Some(match opened.sampling() {
        Ok(_) => Sampling::Settings {
            do_sample: config.do_sample,
            temperature: config.temperature,
            top_k: config.top_k,
            top_p: config.top_p,
            min_p: config.min_p,
            typical_p: config.typical_p,
            repetition_penalty: config.repetition_penalty,
            no_repeat_ngram_size: config.no_repeat_ngram_size,
            unused: config.unused,
        },
        Err(error) => Sampling::Problem {
            problem: chain(error),
        },
    })
}

/// An error with its causes.
fn chain(error: GenerateError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

fn write_report(findings: &Findings<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    let dtypes = findings.dtypes.iter();
    let dtypes = dtypes.map(|count| format!("{} in {}", count.tensors, count.dtype));
    let mut lines = vec![
        ("checkpoint", findings.path.clone()),
        ("format", findings.format.clone()),
        ("parameters", findings.parameters.to_string()),
        ("tensors", dtypes.collect::<Vec<_>>().join(", ")),
    ];
    if !findings.end_ids.is_empty() {
        let ids: Vec<_> = findings.end_ids.iter().map(u32::to_string).collect();
        lines.push(("end ids", ids.join(", ")));
    }
    let tokenizer = findings.tokenizer.as_ref();
    let tokenizer = tokenizer.map_or_else(|| "none next to it".to_owned(), tokenizer_text);
    lines.push(("tokenizer", tokenizer));
    if let Some(sampling) = &findings.sampling {
        lines.push(("sampling", sampling_text(sampling)?));
    }
    for (label, text) in lines {
        writeln!(out, "{label:<11} {text}")?;
    }

    writeln!(out, "\nconfig")?;
    let fields = serde_json::to_value(findings.config)?;
    for (field, value) in fields.as_object().into_iter().flatten() {
        writeln!(out, "  {field:<12} {value}")?;
    }
    writeln!(out, "\ntensors")?;
    let width = findings.tensors.iter().map(|t| t.name.len()).max();
    let width = width.unwrap_or_default();
    for TensorLine { name, dtype, shape } in &findings.tensors {
        writeln!(out, "  {name:<width$}  {dtype:<4}  {shape:?}")?;
    }
    if !findings.skipped.is_empty() {
        writeln!(out, "\nnot part of the model")?;
    }
    for SkippedLine { name, reason } in &findings.skipped {
        // The name comes from the file and may contain control characters.
        writeln!(out, "  {}: {reason}", name.escape_debug())?;
    }
    Ok(())
}

/// The settings that are set, as in the JSON.
fn sampling_text(sampling: &Sampling) -> serde_json::Result<String> {
    if let Sampling::Problem { problem } = sampling {
        return Ok(format!("cannot be used: {}", one_line(problem)));
    }
    // A value would have the digits of 64 bits.
    let fields: serde_json::Value = serde_json::from_str(&serde_json::to_string(sampling)?)?;
    let fields = fields.as_object().into_iter().flatten();
    let is_set = |value: &serde_json::Value| !value.is_null() && *value != serde_json::json!([]);
    let set = fields.filter(|(_, value)| is_set(value));
    let set = set.map(|(name, value)| format!("{name} {value}"));
    Ok(set.collect::<Vec<_>>().join(", "))
}

fn tokenizer_text(tokenizer: &TokenizerLine) -> String {
    let place = match &tokenizer.embedded {
        // The names come from the file and may contain control characters.
        Some(kind) => format!("in the file, {:.80}", kind.escape_debug().to_string()),
        None => tokenizer.path.clone(),
    };
    let tokens = tokenizer.vocab_size.map(|n| format!("{n} tokens"));
    let template = tokenizer.chat_template.map(|has| match has {
        true => "chat template".to_owned(),
        false => "no chat template".to_owned(),
    });
    let missing = tokenizer
        .missing_bytes
        .as_ref()
        .map(|bytes| match bytes.len() {
            0 => "tokens for all bytes".to_owned(),
            n => format!("no tokens for {n} bytes"),
        });
    let details: Vec<_> = tokens.into_iter().chain(missing).chain(template).collect();
    let details = match details.is_empty() {
        true => String::new(),
        false => format!(" ({})", details.join(", ")),
    };
    let verdict = match &tokenizer.problem {
        None => "fits".to_owned(),
        Some(problem) => format!("does not fit: {}", one_line(problem)),
    };
    format!("{place}{details}: {verdict}")
}
