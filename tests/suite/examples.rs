//! The programs of `examples/` do what they say. They are modules here: as programs, each would load a model anew.

#![allow(dead_code, reason = "their main functions, which the tests do without")]

use crate::fixtures::faust;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use tungstenite::{Message, WebSocket, protocol::Role};
use wolfgang_generate::{Device, FinishReason, GenerateOptions, Summary, WolfgangGenerator};

#[path = "../../crates/wolfgang-generate/examples/batch_from_file.rs"]
mod batch_from_file;
#[path = "../../crates/wolfgang-generate/examples/custom_processor.rs"]
mod custom_processor;
#[path = "../../crates/wolfgang-generate/examples/embed.rs"]
mod embed;
#[path = "../../crates/wolfgang-generate/examples/score_text.rs"]
mod score_text;
#[path = "../../crates/wolfgang-generate/examples/stream_to_writer.rs"]
mod stream_to_writer;
#[path = "../../crates/wolfgang-generate/examples/web_socket.rs"]
mod web_socket;

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
fn the_processor_writes_without_the_letter_e() {
    let prompt = "Habe nun, ach! Philosophie,";
    let with = faust().generate_text(prompt, &options(40)).unwrap().text;
    assert!(with.contains('e'), "{with}");
    let without = written(|out| custom_processor::run(faust(), prompt, &options(40), out));
    assert!(without.trim().len() > 40, "{without}");
    assert!(!without.to_lowercase().contains('e'), "{without}");
}

#[test]
fn the_batch_answers_in_the_order_of_the_lines() {
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
fn the_model_prefers_its_own_time() {
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
fn a_model_in_the_program_is_the_one_in_the_folder() {
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

/// What a client gets from a server, and what the server tells when it is done with it.
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

/// A web socket that has sent the prompt. The key and its answer are those of RFC 6455, section 1.3.
fn asked(mut stream: TcpStream) -> WebSocket<TcpStream> {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\n{key}\r\n\r\n").unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(char::from(byte[0]));
    }
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(
        head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        "{head}"
    );
    let mut socket = WebSocket::from_raw_socket(stream, Role::Client, None);
    socket.send(Message::text(PROMPT)).unwrap();
    socket
}

/// Without a reader that goes away, these would take until the machine is switched off.
fn endless() -> GenerateOptions {
    options(usize::MAX).with_ignore_eos(true)
}

#[test]
fn a_web_socket_gets_the_text_piece_by_piece() {
    let (pieces, summary) = served(web_socket::serve, &options(20), |stream| {
        let mut socket = asked(stream);
        let mut pieces = Vec::new();
        while let Ok(Message::Text(piece)) = socket.read() {
            pieces.push(piece.to_string());
        }
        pieces
    });
    assert_eq!(summary.reason, FinishReason::MaxTokens);
    assert!(pieces.len() > 10, "{pieces:?}");
    let alone = faust().generate_text(PROMPT, &options(20)).unwrap();
    assert_eq!(pieces.concat(), alone.text);
}

#[test]
fn a_web_socket_that_closes_ends_the_text() {
    let ((), summary) = served(web_socket::serve, &endless(), |stream| {
        let mut socket = asked(stream);
        assert!(socket.read().unwrap().is_text());
        // Dropped without a farewell.
    });
    assert_eq!(summary.reason, FinishReason::Cancelled);
    assert!(summary.generated_tokens > 0);
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

/// A pipe that is closed is no error, but the end.
#[test]
fn a_writer_that_fails_ends_the_text() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let generation = faust().generate(PROMPT, &options(usize::MAX)).unwrap();
    let summary = stream_to_writer::stream(generation, &mut Closed).unwrap();
    assert_eq!(summary.reason, FinishReason::Cancelled);
}
