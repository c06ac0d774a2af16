//! Streams a text to a writer, here a TCP connection, and cancels the generation when the client
//! disconnects.
//!
//!     cargo run --release --package wolfgang-generate --example stream_to_writer -- 127.0.0.1:1749
//!     echo "Habe nun, ach!" | nc 127.0.0.1 1749

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use wolfgang_generate::{Device, Event, GenerateOptions, Generation, Summary, WolfgangGenerator};

/// Writes each piece as soon as it is available. If a write fails, the generation is cancelled.
pub(crate) fn stream(
    mut generation: Generation,
    out: &mut impl Write,
) -> Result<Summary, Box<dyn Error>> {
    let cancel_handle = generation.cancel_handle();
    for event in &mut generation {
        if let Event::Text { text, .. } = event? {
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            if written.is_err() {
                cancel_handle.cancel();
            }
        }
    }
    Ok(generation.into_summary()?)
}

/// Serves a client, whose first line is the prompt, until the text ends or the client disconnects.
pub(crate) fn serve(
    mut client: TcpStream,
    generator: &WolfgangGenerator,
    options: &GenerateOptions,
) -> Result<Summary, Box<dyn Error>> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut prompt = String::new();
    reader.read_line(&mut prompt)?;
    let generation = generator.generate(prompt.trim_end(), options)?;
    let cancel_handle = generation.cancel_handle();
    // The connection may close between two writes, so a thread waits for that.
    std::thread::spawn(move || {
        let _ = io::copy(&mut reader, &mut io::sink());
        cancel_handle.cancel();
    });
    let summary = stream(generation, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    summary
}

fn main() -> Result<(), Box<dyn Error>> {
    let generator = WolfgangGenerator::from_path("models/faust", &Device::flex())?;
    let address = std::env::args().nth(1).ok_or("at which address?")?;
    let listener = TcpListener::bind(address)?;
    loop {
        serve(
            listener.accept()?.0,
            &generator,
            &GenerateOptions::default(),
        )?;
    }
}
