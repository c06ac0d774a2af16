//! Text to token ids and back, whole or as a stream.
//!
//! A [`Tokenizer`] is a byte-level BPE read from a `tokenizer.json`. Encoding is the `tokenizers` library's; decoding
//! is our own, because every id of such a vocabulary stands for a fixed run of bytes: text is nothing but those runs
//! joined and read as UTF-8. That makes [`TextStream`] exact: what it hands out piece by piece is, byte for byte, what
//! [`Tokenizer::decode`] makes of all the ids at once, and the cost per id does not grow with the text.
//!
//! **Text never becomes a control token by accident.** [`Tokenizer::encode`] turns `<|user|>` into the plain
//! characters it consists of; only [`Tokenizer::encode_with_special`] makes it the control id, and chat prompts
//! ([`Tokenizer::encode_chat`]) are assembled as ids, so nothing that a user writes can end a message.

mod byte_level;
mod chat;
mod error;
mod requirements;
mod stream;
mod tokenizer;

pub use chat::{Message, Role};
pub use error::TokenizerError;
pub use stream::TextStream;
pub use tokenizer::{Special, Tokenizer};
