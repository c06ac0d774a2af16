//! `cargo xtask check-clients`: clients of OpenAI's interface use `wolfgang serve`.

mod chat_model;
mod environment;
mod log_likelihoods;
mod schema;
mod server;

use anyhow::{bail, ensure};
use environment::Environment;
use serde_json::{Value, json};
use server::Server;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Installs the clients in target/clients: packages of Python by pip (900 MB) and of Node by npm.
/// Clients that cannot be installed are skipped.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Check only this client; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Program whose subcommand `serve` is tested [default: this build of `wolfgang`]
    #[arg(long, value_name = "PATH")]
    wolfgang: Option<PathBuf>,
}

const FOLDER: &str = "target/clients";
const BASE_MODEL: &str = "models/faust";
const KEY: &str = "key-of-the-clients";

struct Client {
    name: &'static str,
    language: Language,
    /// The package whose version is that of the client.
    package: &'static str,
    check: Check,
}

enum Language {
    Python,
    JavaScript,
}

enum Check {
    /// A script that prints a line for each check, and fails at the first that fails.
    Script(&'static str),
    LogLikelihoods,
    Schema,
}

const CLIENTS: [Client; 8] = [
    Client {
        name: "openai-python",
        language: Language::Python,
        package: "openai",
        check: Check::Script("check_openai.py"),
    },
    Client {
        name: "openai-node",
        language: Language::JavaScript,
        package: "openai",
        check: Check::Script("check_openai.mjs"),
    },
    Client {
        name: "ai-sdk",
        language: Language::JavaScript,
        package: "ai",
        check: Check::Script("check_ai_sdk.mjs"),
    },
    Client {
        name: "langchain-openai",
        language: Language::Python,
        package: "langchain-openai",
        check: Check::Script("check_langchain_openai.py"),
    },
    Client {
        name: "litellm",
        language: Language::Python,
        package: "litellm",
        check: Check::Script("check_litellm.py"),
    },
    Client {
        name: "llm",
        language: Language::Python,
        package: "llm",
        check: Check::Script("check_llm.py"),
    },
    Client {
        name: "lm-eval",
        language: Language::Python,
        package: "lm_eval",
        check: Check::LogLikelihoods,
    },
    Client {
        name: "schemathesis",
        language: Language::Python,
        package: "schemathesis",
        check: Check::Schema,
    },
];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let wolfgang = match &args.wolfgang {
        Some(path) => path.clone(),
        None => this_build()?,
    };
    check(&args.only, &wolfgang).map(drop)
}

/// This program, which has the subcommand `serve` too. It is named because the running one may have
/// been replaced: the step `test` of CI builds it again.
pub(crate) fn this_build() -> anyhow::Result<PathBuf> {
    let name = format!("xtask{}", std::env::consts::EXE_SUFFIX);
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// Checks that these clients, or all, can use `wolfgang serve`. Returns the names of those that
/// could not be installed.
///
/// # Errors
/// A check failed, after all clients have been checked; or the server does not start or stop.
#[expect(clippy::print_stdout, reason = "a program may print")]
pub(crate) fn check(only: &[String], wolfgang: &Path) -> anyhow::Result<Vec<&'static str>> {
    let clients = chosen(only)?;
    let folder = tempfile::tempdir()?;
    let chat_model = folder.path().join("chat");
    chat_model::write(&chat_model)?;
    let keys = folder.path().join("keys");
    std::fs::write(&keys, KEY)?;
    let servers = [
        Server::start(wolfgang, Path::new(BASE_MODEL), &keys)?,
        Server::start(wolfgang, &chat_model, &keys)?,
    ];

    let (python, node) = (OnceCell::new(), OnceCell::new());
    let (mut skipped, mut failed) = (Vec::new(), Vec::new());
    for client in clients {
        let installed = match client.language {
            Language::Python => python.get_or_init(|| Environment::python(Path::new(FOLDER))),
            Language::JavaScript => node.get_or_init(|| Environment::node(Path::new(FOLDER))),
        };
        let environment = match installed {
            Ok(environment) => environment,
            Err(error) => {
                println!("{:<16} skipped: {error:#}", client.name);
                skipped.push(client.name);
                continue;
            }
        };
        let version = environment.version(client.package)?;
        let (passed, result) = client.check(environment, &servers);
        for line in passed {
            println!("{:<16} {version:<8} {line}", client.name);
        }
        if let Err(error) = result {
            println!("{:<16} {version:<8} FAILED: {error:#}", client.name);
            failed.push(client.name);
        }
    }
    ensure!(failed.is_empty(), "checks failed: {}", failed.join(", "));
    for server in servers {
        server.stop()?;
    }
    Ok(skipped)
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static Client>> {
    let is_known = |name: &&String| CLIENTS.iter().any(|client| client.name == **name);
    if let Some(unknown) = only.iter().find(|name| !is_known(name)) {
        let names: Vec<_> = CLIENTS.iter().map(|client| client.name).collect();
        bail!(
            "there is no client {unknown}: expected {}",
            names.join(", ")
        );
    }
    let is_chosen = |client: &&Client| only.is_empty() || only.iter().any(|o| o == client.name);
    Ok(CLIENTS.iter().filter(is_chosen).collect())
}

impl Client {
    /// A line for each check that passed, and whether all did.
    fn check(
        &self,
        environment: &Environment,
        servers: &[Server; 2],
    ) -> (Vec<String>, anyhow::Result<()>) {
        let lines = |result: anyhow::Result<Vec<String>>| match result {
            Ok(lines) => (lines, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        match self.check {
            Check::Script(script) => run_script(environment.script(script), servers),
            Check::LogLikelihoods => lines(log_likelihoods::check(environment, servers)),
            Check::Schema => lines(schema::check(environment, &servers[0])),
        }
    }
}

fn run_script(mut command: Command, servers: &[Server; 2]) -> (Vec<String>, anyhow::Result<()>) {
    let output = match command.arg(described(servers)).output() {
        Ok(output) => output,
        Err(error) => return (Vec::new(), Err(error.into())),
    };
    let lines = String::from_utf8_lossy(&output.stdout);
    (
        lines.lines().map(str::to_owned).collect(),
        succeeded(&output),
    )
}

/// The first argument of the scripts.
fn described(servers: &[Server; 2]) -> String {
    let describe = |server: &Server| json!({"url": server.url(), "key": KEY});
    Value::from_iter(servers.iter().map(describe)).to_string()
}

fn succeeded(output: &Output) -> anyhow::Result<()> {
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}\n{errors}", output.status);
    Ok(())
}
