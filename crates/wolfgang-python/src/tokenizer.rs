//! Tokenizers.

use crate::errors::tokenizer_exception;
use crate::panic::catch;
use crate::wait::run_in_thread;
use pyo3::prelude::*;
use std::path::PathBuf;
use wolfgang_generate::{SpecialTokens, Tokenizer as Inner, TokenizerError};

/// Number of bytes from which a text is encoded on another thread, so that a signal is not
/// delayed.
const LONG: usize = 1 << 16;

/// A tokenizer. It has no threads, so a child process can use it after a fork.
#[pyclass(frozen, module = "wolfgang._wolfgang")]
#[derive(Debug)]
pub(crate) struct Tokenizer(pub(crate) Inner);

type Encoded = Result<Vec<u32>, TokenizerError>;

#[pymethods]
impl Tokenizer {
    /// Reads a `tokenizer.json`.
    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        catch(|| {
            let tokenizer = py.detach(|| Inner::from_file(path));
            tokenizer
                .map(Self)
                .map_err(|error| tokenizer_exception(&error))
        })
    }

    /// Encodes a text; with `control`, control tokens in it are encoded as such.
    fn encode(&self, py: Python<'_>, text: &str, control: bool) -> PyResult<Vec<u32>> {
        catch(|| {
            let encode = move |tokenizer: &Inner, text: &str| -> Encoded {
                match control {
                    true => tokenizer.encode_with_special(text),
                    false => tokenizer.encode(text),
                }
            };
            let ids = if text.len() < LONG {
                py.detach(|| encode(&self.0, text))
            } else {
                let (tokenizer, text) = (self.0.clone(), text.to_owned());
                run_in_thread(py, move || encode(&tokenizer, &text))?
            };
            ids.map_err(|error| tokenizer_exception(&error))
        })
    }

    /// Decodes ids.
    fn decode(&self, py: Python<'_>, ids: Vec<u32>, skip_special_tokens: bool) -> PyResult<String> {
        let special = match skip_special_tokens {
            true => SpecialTokens::Skip,
            false => SpecialTokens::Keep,
        };
        catch(|| Ok(py.detach(|| self.0.decode(&ids, special))))
    }

    /// Returns the id of a token by its text.
    fn token_id(&self, text: &str) -> PyResult<Option<u32>> {
        catch(|| Ok(self.0.token_id(text)))
    }

    /// Returns the id of a control token.
    fn control_id(&self, token: &str) -> Option<u32> {
        self.0.special_id(token)
    }

    /// Returns the bytes of a token.
    fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.0.token_bytes(id)
    }

    /// Returns the texts and ids of all control tokens, in the order of the ids.
    fn control_tokens(&self) -> Vec<(&str, u32)> {
        let mut tokens: Vec<_> = self.0.control_tokens().collect();
        tokens.sort_unstable_by_key(|(_, id)| *id);
        tokens
    }

    /// Returns the ids of a chat, in the format of the model.
    fn encode_chat(&self, py: Python<'_>, messages: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
        catch(|| {
            let messages: Vec<wolfgang_generate::Message> = pythonize::depythonize(messages)?;
            let ids = py.detach(|| self.0.encode_chat(&messages));
            ids.map_err(|error| tokenizer_exception(&error))
        })
    }

    /// Whether the vocabulary has a token for every byte of a text.
    fn can_encode(&self, py: Python<'_>, text: &str) -> PyResult<bool> {
        catch(|| {
            let can = py.detach(|| self.0.can_encode(text));
            can.map_err(|error| tokenizer_exception(&error))
        })
    }

    #[getter]
    fn vocab_size(&self) -> usize {
        self.0.vocab_size()
    }

    #[getter]
    fn end_of_text(&self) -> Option<u32> {
        self.0.end_of_text()
    }

    #[getter]
    fn bos_id(&self) -> Option<u32> {
        self.0.bos_id()
    }
}
