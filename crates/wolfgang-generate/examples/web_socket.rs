//! Answers a web socket: its first message is the prompt, and each message back is a piece of the text. Whatever else it
//! says, if only farewell, and the end of the connection, end the text.
//!
//!     cargo run --release --package wolfgang-generate --example web_socket -- 127.0.0.1:1749

use base64::{Engine, prelude::BASE64_STANDARD};
use sha1::{Digest, Sha1};
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use tungstenite::{Message, WebSocket, protocol::Role};
use wolfgang_generate::{Device, Event, GenerateOptions, Summary, WolfgangGenerator};

/// The server's side of the handshake (RFC 6455, section 4.2.2). A web framework has done it already.
fn accept(mut client: TcpStream) -> Result<WebSocket<TcpStream>, Box<dyn Error>> {
    let lines = BufReader::new(&client).lines();
    let head: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let mut fields = head.iter().filter_map(|line| line.split_once(": "));
    let key = fields.find(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Key"));
    let (_, key) = key.ok_or("this is no web socket")?;
    let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let accept = BASE64_STANDARD.encode(digest);
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket";
    write!(
        client,
        "{upgrade}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    Ok(WebSocket::from_raw_socket(client, Role::Server, None))
}

pub(crate) fn serve(
    client: TcpStream,
    generator: &WolfgangGenerator,
    options: &GenerateOptions,
) -> Result<Summary, Box<dyn Error>> {
    let mut watched = client.try_clone()?;
    let mut socket = accept(client)?;
    let prompt = socket.read()?.into_text()?;
    let mut generation = generator.generate(prompt.as_str(), options)?;
    let cancel_handle = generation.cancel_handle();
    let gone = cancel_handle.clone();
    std::thread::spawn(move || {
        let _ = watched.read(&mut [0]);
        gone.cancel();
    });
    for event in &mut generation {
        if let Event::Text { text, .. } = event?
            && socket.send(Message::text(text)).is_err()
        {
            cancel_handle.cancel();
        }
    }
    // The client answers, if it is still there, and the thread above has its byte.
    let _ = socket.close(None).and_then(|()| socket.flush());
    Ok(generation.into_summary()?)
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
