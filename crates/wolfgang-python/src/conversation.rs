//! Conversations.

use crate::callbacks::Callbacks;
use crate::errors::{closed_error, to_exception};
use crate::forked::Owned;
use crate::options::from_dict;
use crate::panic::catch;
use crate::stream::Stream;
use crate::wait::lock;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pythonize::{depythonize, pythonize};
use std::sync::Mutex;
use wolfgang_generate::{Conversation as Inner, GenerateOptions};

/// A conversation with a model.
#[pyclass(frozen, module = "wolfgang._wolfgang")]
pub(crate) struct Conversation(Owned<Mutex<Option<Inner>>>);

impl Conversation {
    pub(crate) fn new(conversation: Inner) -> Self {
        Self(Owned::new(Mutex::new(Some(conversation))))
    }

    /// Calls `body` with the conversation, without the GIL: encoding a long prompt takes time.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        body: impl FnOnce(&mut Inner) -> T + Send,
    ) -> PyResult<T> {
        let conversation = self.0.get("the conversation")?;
        let value = py.detach(|| lock(conversation).as_mut().map(body));
        value.ok_or_else(|| closed_error("the conversation"))
    }
}

#[pymethods]
impl Conversation {
    /// Starts the reply to a message of the user; without a text, another reply to the last one.
    fn reply(
        &self,
        py: Python<'_>,
        text: Option<String>,
        options: &Bound<'_, PyDict>,
        processors: Vec<Py<PyAny>>,
        criteria: Vec<Py<PyAny>>,
    ) -> PyResult<Stream> {
        catch(|| {
            let options: GenerateOptions = from_dict(options)?;
            let reply = self.with(py, |conversation| match text {
                Some(text) => conversation.send(text, &options),
                None => conversation.regenerate(&options),
            })?;
            let reply = reply.map_err(|error| to_exception(&error))?;
            let callbacks = Callbacks::new(processors, criteria);
            let (cancel_handle, seed) = (reply.cancel_handle(), reply.seed());
            let raised = callbacks.raised();
            let reply = match callbacks.is_empty() {
                true => reply,
                false => callbacks.add_to_reply(reply),
            };
            Ok(Stream::inline(reply, cancel_handle, seed, raised))
        })
    }

    /// Returns the messages.
    fn messages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        catch(|| Ok(pythonize(py, &self.with(py, |inner| inner.messages())?)?))
    }

    /// Replaces the messages.
    fn set_messages(&self, py: Python<'_>, messages: &Bound<'_, PyAny>) -> PyResult<()> {
        catch(|| {
            let messages = depythonize(messages)?;
            self.with(py, |inner| inner.set_messages(messages))
        })
    }

    #[getter]
    fn system(&self, py: Python<'_>) -> PyResult<String> {
        catch(|| self.with(py, |inner| inner.system().to_owned()))
    }

    /// Replaces the system prompt.
    fn set_system(&self, py: Python<'_>, system: String) -> PyResult<()> {
        catch(|| self.with(py, |inner| inner.set_system(system)))
    }

    /// Removes all messages.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        catch(|| self.with(py, Inner::reset))
    }

    /// Returns a conversation with the same messages.
    fn fork(&self, py: Python<'_>) -> PyResult<Self> {
        catch(|| Ok(Self::new(self.with(py, |inner| inner.clone())?)))
    }

    /// Releases the cache and the model.
    fn close(&self) -> PyResult<()> {
        catch(|| {
            let conversation = lock(self.0.get("the conversation")?).take();
            drop(conversation);
            Ok(())
        })
    }
}
