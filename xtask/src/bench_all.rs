//! `cargo xtask bench-all`: every figure of docs/performance.md, in one run.

mod page;

use crate::processor::processor;
use crate::release_build::with_release_build;
use anyhow::{Context, ensure};
use page::{Fragment, with_fragments, with_run};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PAGE: &str = "docs/performance.md";

/// The measurements of earlier runs, one page for each processor.
const HISTORY: &str = "docs/benchmarks";

/// Measures this project, llama.cpp and PyTorch in alternation, rewrites the tables and the chart in
/// docs/performance.md, and adds the run to docs/benchmarks. Takes about an hour with two cores.
/// Close other programs: they take part in the result.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Python with llama-cpp-python, gguf and numpy
    #[arg(long, value_name = "PATH")]
    llama_python: PathBuf,

    /// Python with torch
    #[arg(long, value_name = "PATH")]
    torch_python: PathBuf,

    /// llama-server, built as `cargo xtask bench-serve --help` says
    #[arg(long, value_name = "PATH")]
    llama_server: PathBuf,

    /// Existing folder for llama.cpp's models and caches. A later run uses them again
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// What is measured. Without it, everything
    #[arg(
        long = "part",
        value_name = "PART,...",
        value_enum,
        value_delimiter = ','
    )]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The standard model: speed, limits, profile, memory, and the chart
    Standard,
    /// The standard model, next to llama.cpp and PyTorch
    Peers,
    /// The shape of SmolLM2-135M, next to llama.cpp
    Smollm2,
    /// Concurrent callers of an engine
    Engine,
    /// The server, next to llama-server
    Serve,
    /// The steps of sampling
    Sampling,
}

impl Part {
    /// The name between whose lines the page has the results.
    fn name(self) -> String {
        let value = clap::ValueEnum::to_possible_value(&self);
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The arguments of `cargo` that measure it and print the results.
    fn arguments(self, args: &Args) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let mut peers = vec!["--llama-python".to_owned(), path(&args.llama_python)];
        peers.extend(["--torch-python".to_owned(), path(&args.torch_python)]);
        if let Some(folder) = &args.folder {
            peers.extend(["--folder".to_owned(), path(folder)]);
        }
        let xtask = ["run", "--quiet", "--release", "--package", "xtask", "--"];
        let server = path(&args.llama_server);
        let python = path(&args.llama_python);
        let (command, more): (&[&str], Vec<String>) = match self {
            Self::Standard => (&["bench", "--chart", "docs/performance.svg"], Vec::new()),
            Self::Peers => (&["bench-peers"], peers),
            Self::Smollm2 => {
                let smollm2 = ["--shape", "smollm2", "--dtype", "f16,int8,int4"];
                peers.extend(smollm2.map(str::to_owned));
                let peer = ["--peer", "llama-cpp", "--positions", "64,2048,8000"];
                peers.extend(peer.map(str::to_owned));
                (&["bench-peers"], peers)
            }
            Self::Engine => (&["bench-engine"], Vec::new()),
            Self::Serve => {
                let server = ["--python", &python, "--llama-server", &server];
                (&["bench-serve"], server.map(str::to_owned).to_vec())
            }
            Self::Sampling => {
                return ["bench", "--quiet", "--package", "wolfgang-sampling"]
                    .map(str::to_owned)
                    .to_vec();
            }
        };
        let all = xtask.iter().chain(command).map(|part| (*part).to_owned());
        all.chain(more).collect()
    }

    /// Whether the results are lines of fixed width and not Markdown.
    fn is_plain_text(self) -> bool {
        matches!(self, Self::Engine | Self::Sampling)
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_release_build(&[], true, Path::new(""), || measure(args))
}

#[expect(clippy::print_stderr, reason = "a program may print")]
fn measure(args: &Args) -> anyhow::Result<()> {
    let parts = match &args.parts[..] {
        [] => <Part as clap::ValueEnum>::value_variants(),
        given => given,
    };
    let page = std::fs::read_to_string(PAGE)
        .with_context(|| format!("{PAGE} is not here: run this from the top of the repository"))?;
    let mut fragments = Vec::new();
    for &part in parts {
        let name = part.name();
        eprintln!("measuring: {name}");
        let text = output(part.arguments(args))?;
        let text = match part.is_plain_text() {
            true => format!("```text\n{text}```\n"),
            false => text,
        };
        fragments.push(Fragment { name, text });
        // After each part: a failure of a later one loses nothing.
        std::fs::write(PAGE, with_fragments(&page, &fragments)?)?;
    }
    add_to_history(&fragments)
}

fn add_to_history(fragments: &[Fragment]) -> anyhow::Result<()> {
    let processor = processor();
    let words = processor.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let file = format!("{}.md", words.join("-").to_lowercase());
    std::fs::create_dir_all(HISTORY)?;
    let path = Path::new(HISTORY).join(file);
    let earlier = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let log = ["log", "-1", "--format=%cs, commit %h"];
    let commit = command("git", log.map(str::to_owned).to_vec())?;
    let text = with_run(&earlier, &processor, commit.trim(), fragments);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn output(arguments: Vec<String>) -> anyhow::Result<String> {
    command("cargo", arguments)
}

/// Runs a program and returns what it prints.
fn command(program: &str, arguments: Vec<String>) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(&arguments)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(
        output.status.success(),
        "{program} {} failed: {}",
        arguments.join(" "),
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}
