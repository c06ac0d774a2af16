//! The programs of `examples/`. They are modules here: as programs, each would load a model.

#![allow(dead_code, reason = "their main functions, which the tests do without")]

use crate::fixtures::faust;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use wolfgang_generate::{
    Device, Engine, EngineOptions, FinishReason, GenerateOptions, Summary, WolfgangGenerator,
};

#[path = "../../../crates/wolfgang-generate/examples/axum_sse.rs"]
mod axum_sse;
#[path = "../../../crates/wolfgang-generate/examples/batch_from_file.rs"]
mod batch_from_file;
#[path = "../../../crates/wolfgang-generate/examples/custom_processor.rs"]
mod custom_processor;
#[path = "../../../crates/wolfgang-generate/examples/embed.rs"]
mod embed;
#[path = "../../../crates/wolfgang-generate/examples/score_text.rs"]
mod score_text;
#[path = "../../../crates/wolfgang-generate/examples/stream_to_writer.rs"]
mod stream_to_writer;

fn options(max_new_tokens: usize) -> GenerateOptions {
    GenerateOptions::default()
        .with_max_new_tokens(max_new_tokens)
        .with_seed(1749)
}

/// What a program writes.
fn written(run: impl FnOnce(&mut Vec<u8>) -> Result<(), Box<dyn std::error::Error>>) -> String {
    let mut out = Vec::new();
    run(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_custom_processor_generates_no_letter_e() {
    let prompt = "Habe nun, ach! Philosophie,";
    let with = faust().generate_text(prompt, &options(40)).unwrap().text;
    assert!(with.contains('e'), "{with}");
    let without = written(|out| custom_processor::run(faust(), prompt, &options(40), out));
    assert!(without.trim().len() > 40, "{without}");
    assert!(!without.to_lowercase().contains('e'), "{without}");
}

#[test]
fn the_batch_writes_texts_in_the_order_of_the_lines() {
    let mut prompts: Vec<String> = (0..11)
        .map(|n| format!("{n}. Akt, {n}. Auftritt."))
        .collect();
    // It ends before those beside it.
    prompts[3] = "MEPHISTOPHELES:".to_owned();
    let options = options(8).with_stop_strings(["\n"]);
    let alone = |(line, prompt): (usize, &String)| {
        let text = faust().generate_text(prompt, &options).unwrap().text;
        format!("{}: {}\n", line + 1, text.replace('\n', " / "))
    };
    let expected: String = prompts.iter().enumerate().map(alone).collect();
    let prompts = prompts.join("\n");
    let answers = written(|out| batch_from_file::run(faust(), &prompts, &options, out));
    assert_eq!(answers, expected);
    assert_eq!(
        written(|out| batch_from_file::run(faust(), "", &options, out)),
        ""
    );
}

#[test]
fn score_text_ranks_a_line_of_faust_first() {
    let lines = [
        "Der Zug nach Hamburg hat zehn Minuten Verspätung.",
        "Ich bin der Geist, der stets verneint!",
    ];
    let ranked = written(|out| score_text::run(faust(), &lines.map(str::to_owned), out));
    let ranked: Vec<&str> = ranked.lines().collect();
    assert_eq!(ranked.len(), 3, "{ranked:?}");
    assert!(ranked[1].ends_with(lines[1]), "{ranked:?}");
    assert!(ranked[2].ends_with(lines[0]), "{ranked:?}");
}

#[test]
fn the_embedded_model_generates_the_text_of_the_folder() {
    let generator = embed::generator(&Device::flex()).unwrap();
    let text = |generator: &WolfgangGenerator| {
        generator
            .generate_text("Es war einmal", &options(12))
            .unwrap()
            .text
    };
    assert_eq!(text(&generator), text(faust()));
}

const PROMPT: &str = "Wer reitet so spät durch Nacht und Wind?";

type Serve = fn(
    TcpStream,
    &WolfgangGenerator,
    &GenerateOptions,
) -> Result<Summary, Box<dyn std::error::Error>>;

/// What a client reads from a server, and the summary that the server returns.
fn served<T>(
    serve: Serve,
    options: &GenerateOptions,
    client: impl FnOnce(TcpStream) -> T,
) -> (T, Summary) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let server = scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, faust(), options).map_err(|e| e.to_string())
        });
        let got = client(TcpStream::connect(address).unwrap());
        (got, server.join().unwrap().unwrap())
    })
}

/// A server of the example, and an engine for each. It serves until the program ends.
fn sse_server(options: &GenerateOptions) -> (SocketAddr, Engine) {
    let engine = Engine::new(faust().clone(), EngineOptions::default()).unwrap();
    let router = axum_sse::router(engine.clone(), options.clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    let runtime = runtime.unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    (address, engine)
}

/// A connection that has sent the prompt.
fn asked(address: SocketAddr) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = PROMPT.len();
    write!(
        stream,
        "POST /generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{PROMPT}"
    )
    .unwrap();
    BufReader::new(stream)
}

/// Generations that end only when the client disconnects.
fn endless() -> GenerateOptions {
    options(usize::MAX).with_ignore_eos(true)
}

#[test]
fn an_sse_client_gets_the_text_piece_by_piece() {
    let (address, _engine) = sse_server(&options(20));
    let lines: Vec<String> = asked(address).lines().map(Result::unwrap).collect();
    assert_eq!(lines[0], "HTTP/1.1 200 OK");
    let data = lines.iter().filter_map(|line| line.strip_prefix("data: "));
    let events = data.map(|event| serde_json::from_str::<Value>(event).unwrap());
    let mut events: Vec<Value> = events.collect();
    assert_eq!(events.pop().unwrap()["reason"], "max_tokens");
    assert!(events.len() > 10, "{events:?}");
    let pieces = events.iter().map(|event| event["text"].as_str().unwrap());
    let text: String = pieces.collect();
    let alone = faust().generate_text(PROMPT, &options(20)).unwrap();
    assert_eq!(text, alone.text);
}

#[test]
fn an_sse_client_that_closes_cancels_its_generation() {
    let (address, engine) = sse_server(&endless());
    let lines = asked(address).lines().map(Result::unwrap);
    assert!(lines.into_iter().any(|line| line.starts_with("data: ")));
    while engine.stats().running > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_connection_gets_the_text_and_its_end() {
    let (text, summary) = served(stream_to_writer::serve, &options(20), |mut stream| {
        writeln!(stream, "{PROMPT}").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    assert_eq!(summary.reason, FinishReason::MaxTokens);
    let alone = faust().generate_text(PROMPT, &options(20)).unwrap();
    assert_eq!(text, alone.text);
}

#[test]
fn a_connection_that_closes_ends_the_text() {
    let ((), summary) = served(stream_to_writer::serve, &endless(), |mut stream| {
        writeln!(stream, "{PROMPT}").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    });
    assert_eq!(summary.reason, FinishReason::Cancelled);
    assert!(summary.generated_tokens > 0);
}
