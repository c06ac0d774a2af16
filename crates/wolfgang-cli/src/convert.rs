//! `wolfgang convert`, and `cargo xtask convert-checkpoint`.

use crate::home;
use crate::model_args::unread_classes;
use crate::model_source;
use crate::named;
use crate::progress::ProgressLine;
use crate::report;
use crate::standard_streams;
use crate::voice::Voice;
use clap::ValueEnum;
use std::io::Write;
use std::path::{Path, PathBuf};
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, ConvertReport, Precision, Target};
use wolfgang_generate::{GenerateError, ModelConfig, OpenedModel};

/// Arguments of `wolfgang convert`.
#[derive(clap::Args, Debug)]
pub struct ConvertArgs {
    /// Checkpoint: a .pt file, a native or a Hugging Face folder, or
    /// hf:OWNER/NAME[/FILE.pt][@REVISION]
    #[arg(value_parser = home::path())]
    input: PathBuf,

    /// Folder to write
    #[arg(long, value_name = "DIR", value_parser = home::path())]
    out: PathBuf,

    /// Format to write
    #[arg(long, value_enum, default_value_t = Form::Native)]
    to: Form,

    /// Element type to write [default: that of the input]
    #[arg(long, value_parser = named::precision())]
    dtype: Option<Precision>,

    /// tokenizer.json to copy next to the model [default: the one of the input, else of the folder
    /// being replaced]
    #[arg(long, value_name = "PATH", value_parser = home::path())]
    tokenizer: Option<PathBuf>,

    /// Replace an existing folder that contains only files written by conversions
    #[arg(long)]
    force: bool,
}

/// [`Target`] by its name on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// The format that this program loads fastest
    Native,
    /// The format of the transformers library
    Huggingface,
}

impl From<Form> for Target {
    fn from(form: Form) -> Self {
        match form {
            Form::Native => Self::Native,
            Form::Huggingface => Self::HuggingFace,
        }
    }
}

/// Converts, and tells on standard output what was found, left out and written.
///
/// # Errors
/// Those of reading and writing checkpoints, and of a tokenizer that does not fit.
pub fn convert(args: &ConvertArgs) -> anyhow::Result<()> {
    convert_with(args, Voice::default())
}

/// As [`convert`], in this voice.
pub(crate) fn convert_with(args: &ConvertArgs, voice: Voice) -> anyhow::Result<()> {
    let (target, precision) = (Target::from(args.to), args.dtype);
    // Before a model is downloaded for nothing.
    if let Some(precision) = precision {
        target.check(precision)?;
    }
    let mut told = Told {
        voice,
        text: String::new(),
    };
    let mut downloading = ProgressLine::new(voice);
    let opened = model_source::builder(&args.input, voice, &mut downloading)?.open()?;
    let source = opened.checkpoint();
    told.source(source);
    let tokenizer = tokenizer(args, &opened, voice)?;
    let options = ConvertOptions::default()
        .with_target(target)
        .with_precision(precision)
        .with_tokenizer(tokenizer.as_ref().map(|taken| taken.path.clone()))
        .with_replace(args.force);
    let mut converting = ProgressLine::new(voice);
    let report = wolfgang_checkpoint::convert(source, &args.out, &options, &mut converting)?;
    told.report(&report);
    if tokenizer.is_some_and(|taken| taken.is_kept) {
        told.kept_tokenizer();
    }
    // Now, for whoever does not want to read it must not keep the work from being done.
    let mut out = standard_streams::output();
    out.write_all(told.text.as_bytes())?;
    Ok(out.flush()?)
}

/// What is told, line by line.
struct Told {
    voice: Voice,
    text: String,
}

impl Told {
    fn line(&mut self, german: &str, english: &str, rest: &str) {
        let width = self.voice.pick(11, 8);
        let name = self.voice.pick(german, english);
        self.text.push_str(&format!("{name:<width$} {rest}\n"));
    }

    fn source(&mut self, source: &Checkpoint) {
        let voice = self.voice;
        let read = format!("{} ({})", source.path().display(), source.format());
        self.line("gelesen", "read", &read);

        let ModelConfig {
            n_layer,
            n_head,
            n_kv_head,
            n_embd,
            vocab_size,
            block_size,
            ..
        } = source.config();
        let config = voice.pick(
            format!(
                "{n_layer} Schichten, {n_head} Köpfe, {n_kv_head} davon für Schlüssel, {n_embd} breit, Vokabular {vocab_size}, \
                 Kontext {block_size}"
            ),
            format!(
                "{n_layer} layers, {n_head} heads, {n_kv_head} kv heads, {n_embd} wide, vocabulary {vocab_size}, block \
                 {block_size}"
            ),
        );
        self.line("Modell", "config", &config);

        let dtypes = source.dtypes();
        let dtypes: Vec<_> = dtypes
            .iter()
            .map(|(name, n)| format!("{n} {name}"))
            .collect();
        let n = source.config().n_parameters();
        let weights = voice.pick(
            format!("{n} in {} Tensoren", dtypes.join(" und ")),
            format!("{n} in {} tensors", dtypes.join(" and ")),
        );
        self.line("Gewichte", "weights", &weights);

        for skipped in source.skipped() {
            // The name comes from the file and may hold anything.
            let name = skipped.name.escape_debug();
            let reason = voice.phrase(skipped.reason);
            self.line("ausgelassen", "skipped", &format!("{name}: {reason}"));
        }
        if let Some(unread) = unread_classes(source, voice) {
            self.line("ausgelassen", "skipped", &unread);
        }
    }

    fn kept_tokenizer(&mut self) {
        let kept = self.voice.pick(
            "tokenizer.json des ersetzten Ordners, sie passt",
            "tokenizer.json of the replaced folder, which fits",
        );
        self.line("behalten", "kept", kept);
    }

    fn report(&mut self, report: &ConvertReport) {
        let voice = self.voice;
        let ConvertReport {
            folder,
            tensors,
            bytes,
            rounded,
            ..
        } = report;
        let folder = folder.display();
        let wrote = voice.pick(
            format!("{folder} ({tensors} Tensoren, {bytes} Bytes)"),
            format!("{folder} ({tensors} tensors, {bytes} bytes)"),
        );
        self.line("geschrieben", "wrote", &wrote);

        let checked = match rounded {
            0 => voice
                .pick(
                    "jedes Gewicht liest sich genau zurück",
                    "every weight reads back exactly",
                )
                .to_owned(),
            n => voice.pick(
                format!(
                    "jedes Gewicht liest sich zurück, wie es geschrieben wurde; {n} wurden gerundet"
                ),
                format!("every weight reads back as written; {n} were rounded to fit"),
            ),
        };
        self.line("geprüft", "checked", &checked);
    }
}

/// The tokenizer to take along.
struct Taken {
    path: PathBuf,
    /// Whether it is that of the folder that is replaced.
    is_kept: bool,
}

/// The tokenizer named, which must fit; or else the first that fits of the input's own and that of the folder to be
/// replaced.
fn tokenizer(
    args: &ConvertArgs,
    opened: &OpenedModel<'_>,
    voice: Voice,
) -> Result<Option<Taken>, GenerateError> {
    let check = |path: &Path| opened.read_tokenizer(path).map(|_| ());
    if let Some(path) = &args.tokenizer {
        check(path)?;
        let path = path.clone();
        return Ok(Some(Taken {
            path,
            is_kept: false,
        }));
    }
    let replaced = args.force.then(|| args.out.join("tokenizer.json"));
    let replaced = replaced.map(|path| Taken {
        path,
        is_kept: true,
    });
    let own = Taken {
        path: opened.tokenizer().to_path_buf(),
        is_kept: false,
    };
    for taken in [Some(own), replaced].into_iter().flatten() {
        if !taken.path.is_file() {
            continue;
        }
        let Err(error) = check(&taken.path) else {
            return Ok(Some(taken));
        };
        let path = taken.path.display();
        let error = report::message(&error.into(), voice);
        // Most messages begin with the path.
        let error = match error.strip_prefix(&path.to_string()) {
            Some(rest) if rest.starts_with(" is ") => format!("it{rest}"),
            Some(rest) if rest.starts_with(" ist ") => format!("sie{rest}"),
            Some(rest) => rest.trim_start_matches(':').trim_start().to_owned(),
            None => error,
        };
        voice.warning(&match taken.is_kept {
            true => voice.pick(
                format!("{path} wird nicht behalten: {error}"),
                format!("{path} is not kept: {error}"),
            ),
            false => voice.pick(
                format!("{path} kommt nicht mit: {error}"),
                format!("{path} is not copied: {error}"),
            ),
        });
    }
    Ok(None)
}
