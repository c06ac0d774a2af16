//! Byte-level BPE tokenizer with a streaming decoder.
//!
//! ```
//! use wolfgang_tokenize::{SpecialTokens, Tokenizer};
//!
//! let tokenizer = Tokenizer::from_file("../../models/faust/tokenizer.json")?;
//! let ids = tokenizer.encode("Größe")?;
//! assert_eq!(tokenizer.decode(&ids, SpecialTokens::Skip), "Größe");
//!
//! // Streaming: only complete characters, and the same text as `decode`.
//! let mut stream = tokenizer.decode_stream(SpecialTokens::Skip);
//! let mut text: String = ids.iter().map(|&id| stream.push(id).to_owned()).collect();
//! text += &stream.finish();
//! assert_eq!(text, "Größe");
//!
//! // Text of a user is never encoded as a control token.
//! assert!(tokenizer.encode("<|endoftext|>")?.len() > 1);
//! # Ok::<(), wolfgang_tokenize::TokenizerError>(())
//! ```
//!
//! A [`Tokenizer`] is a byte-level BPE loaded from a `tokenizer.json`. Encoding uses the
//! `tokenizers` crate. Decoding is implemented here: every id of such a vocabulary represents a
//! fixed sequence of bytes, so a text is the concatenation of these sequences, interpreted as
//! UTF-8. The pieces of a [`DecodeStream`] joined are therefore exactly the result of
//! [`Tokenizer::decode`] on all ids, and the cost per id does not grow with the text.
//!
//! **User text is never encoded as a control token.** [`Tokenizer::encode`] encodes `<|user|>` as
//! the plain characters it consists of. Only [`Tokenizer::encode_with_special`] produces the
//! control id. Chat prompts ([`Tokenizer::encode_chat`]) are assembled from ids, so the text of a
//! user cannot end a message. This holds for prompts from a [`ChatTemplate`], too.

mod byte_level;
mod chat;
mod chat_template;
mod error;
mod message;
mod rendered_chat;
mod stream;
mod tokenizer;
mod validate;

pub use chat_template::ChatTemplate;
pub use error::TokenizerError;
pub use message::{Message, Role};
pub use rendered_chat::RenderedChat;
pub use stream::DecodeStream;
pub use tokenizer::{SpecialTokens, Tokenizer};
