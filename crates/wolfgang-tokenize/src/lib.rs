//! Text to token ids and back, whole or as a stream.
//!
//! ```
//! use wolfgang_tokenize::{SpecialTokens, Tokenizer};
//!
//! let tokenizer = Tokenizer::from_file("../../models/faust/tokenizer.json")?;
//! let ids = tokenizer.encode("Größe")?;
//! assert_eq!(tokenizer.decode(&ids, SpecialTokens::Skip), "Größe");
//!
//! // As a stream: never half a character, and nothing is lost.
//! let mut stream = tokenizer.decode_stream(SpecialTokens::Skip);
//! let mut text: String = ids.iter().map(|&id| stream.push(id).to_owned()).collect();
//! text += &stream.finish();
//! assert_eq!(text, "Größe");
//!
//! // What a user writes is text, whatever it looks like.
//! assert!(tokenizer.encode("<|endoftext|>")?.len() > 1);
//! # Ok::<(), wolfgang_tokenize::TokenizerError>(())
//! ```
//!
//! A [`Tokenizer`] is a byte-level BPE read from a `tokenizer.json`. Encoding is the `tokenizers`
//! library's; decoding is our own, because every id of such a vocabulary stands for a fixed run of
//! bytes: text is nothing but those runs joined and read as UTF-8. That makes [`DecodeStream`]
//! exact: what it hands out piece by piece is, byte for byte, what [`Tokenizer::decode`] makes of
//! all the ids at once, and the cost per id does not grow with the text.
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
pub use stream::DecodeStream;
pub use tokenizer::{SpecialTokens, Tokenizer};
