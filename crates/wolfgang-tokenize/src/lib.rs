//! BPE tokenizer, byte-level or of the form of SentencePiece, with a streaming decoder.
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
//! A [`Tokenizer`] is a BPE loaded from a `tokenizer.json` with one of the known pipelines: those
//! of GPT-2, SmolLM, Llama 2, Llama 3, Mistral and Qwen. Encoding uses the `tokenizers` crate.
//! Decoding is implemented here: every id represents a fixed sequence of bytes, so a text is the
//! concatenation of these sequences, interpreted as UTF-8. (A vocabulary of SentencePiece adds a
//! space before a text, which decoding drops.) The pieces of a [`DecodeStream`] joined are
//! therefore exactly the result of [`Tokenizer::decode`] on all ids, and the cost per id does not
//! grow with the text.
//!
//! **User text is never encoded as a control token.** [`Tokenizer::encode`] encodes `<|user|>` as
//! the plain characters it consists of. Only [`Tokenizer::encode_with_special`] produces the
//! control id. Control tokens are all added tokens of the file, special or not. Chat prompts
//! ([`Tokenizer::encode_chat`]) are assembled from ids, so the text of a user cannot end a message.
//! This holds for prompts from a [`ChatTemplate`], too.

mod additions;
mod byte_level;
mod chat;
mod chat_template;
mod error;
mod limited_file;
mod load;
mod message;
mod offsets;
mod pipeline;
mod rendered_chat;
mod sentencepiece;
mod stream;
mod token_bytes;
mod tokenizer;
mod validate;

pub use chat_template::ChatTemplate;
pub use error::TokenizerError;
pub use message::{Message, Role};
pub use offsets::TextOffsets;
pub use rendered_chat::RenderedChat;
pub use stream::DecodeStream;
pub use tokenizer::{SpecialTokens, Tokenizer};
