//! `wolfgang serve`.

use crate::config_file::ConfigFile;
use crate::console::{Console, Verbosity, one_line, write_line};
use crate::error::UsageError;
use crate::generation_args::GenerationArgs;
use crate::length_args::OnContextFull;
use crate::serve_args::ServeArgs;
use crate::whole_number::WholeNumber;
use crate::{home, interrupt, standard_streams};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use wolfgang_generate::{Engine, EngineOptions, Tokenizer};
use wolfgang_serve::{AccessRecord, ApiContext, Defaults, Server, ServerOptions};

pub(crate) fn run(args: ServeArgs, file: ConfigFile, console: Console) -> anyhow::Result<()> {
    let options = server_options(&args, console)?;
    let ServeArgs {
        generation,
        model_name,
        max_running,
        ..
    } = args;
    let generation = generation.over(file);
    generation.check()?;
    check_overflow(&generation)?;
    let (generator, _) = generation.model.load(console)?;
    let defaults = defaults(&generation, generator.tokenizer())?;
    let engine = EngineOptions::default()
        .with_max_running(max_running.get())
        .with_max_queued(options.max_choices);
    let engine = Engine::new(generator.clone(), engine)?;
    let name = model_name.unwrap_or_else(|| name_of(&generation));
    let context = ApiContext::new(generator, name, defaults)?;
    let server = Server::bind(engine, context, options)?;
    let shutdown = server.shutdown_handle();
    interrupt::on_termination(move || shutdown.shut_down())?;
    let mut output = standard_streams::output();
    writeln!(output, "listening on http://{}", server.address())?;
    output.flush()?;
    Ok(server.run()?)
}

fn server_options(args: &ServeArgs, console: Console) -> anyhow::Result<ServerOptions> {
    let mut options = ServerOptions::default();
    options.address = SocketAddr::new(args.host, args.port);
    options.max_choices = args.max_running.get().saturating_add(args.max_queue);
    options.max_body_bytes = args.max_body_bytes;
    options.shutdown_timeout = seconds(args.shutdown_timeout)?;
    options.allowed_hosts = args.allowed_host.clone();
    for origin in &args.cors_origin {
        options = options.with_cors_origin(origin)?;
    }
    if let Some(path) = &args.api_key_file {
        options = options.with_api_key_file(&home::expand(path))?;
    }
    if !args.host.is_loopback() && !options.requires_key() {
        console.warn(&format!(
            "the server listens on {} without API keys: every machine that reaches it can use it; set --api-key-file",
            args.host
        ));
    }
    if console.verbosity == Verbosity::Verbose {
        options.log = Some(Arc::new(log));
    }
    Ok(options)
}

/// A line for a response. Texts are not logged.
fn log(record: &AccessRecord<'_>) {
    let AccessRecord {
        method,
        path,
        status,
        duration,
        request_id,
        ..
    } = record;
    let line = format!("{request_id} {method} {path} {status} {duration:.1?}");
    write_line(&one_line(&line));
}

fn seconds(seconds: f64) -> Result<Duration, UsageError> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        UsageError(format!(
            "--shutdown-timeout is {seconds}, but it must be a non-negative number of seconds"
        ))
    })
}

fn check_overflow(generation: &GenerationArgs) -> Result<(), UsageError> {
    match generation.length.overflow {
        Some(OnContextFull::Slide) => Err(UsageError(
            "--overflow slide is not available in serve, where a text past the context would delay all others; \
             use --overflow stop"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// The parameters of requests that do not give them: the options of the command, over those of
/// OpenAI.
fn defaults(generation: &GenerationArgs, tokenizer: &Tokenizer) -> Result<Defaults, UsageError> {
    let GenerationArgs {
        sampling, length, ..
    } = generation;
    let mut options = length.options(sampling, tokenizer, usize::MAX)?;
    let params = sampling.params_over(Defaults::sampling());
    let min_new_tokens = options.sampling.min_new_tokens;
    options.sampling = sampling.with_ids(params, tokenizer, min_new_tokens)?;
    let max_tokens = length.max_new_tokens.map(WholeNumber::tokens);
    Ok(Defaults::new(options, max_tokens))
}

/// The name of the file or folder of the model.
fn name_of(generation: &GenerationArgs) -> String {
    let name = generation.model.model.as_deref().map(|path| {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    });
    name.unwrap_or_else(|| "faust".to_owned())
}
