//! Sessions.

use crate::callbacks::Callbacks;
use crate::errors::{closed_error, to_exception};
use crate::forked::Owned;
use crate::options::{OwnedPrompt, from_dict};
use crate::panic::catch;
use crate::stream::Stream;
use crate::wait::lock;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::{Arc, Mutex};
use wolfgang_generate::{Engine, GenerateOptions, Session as Inner};

/// A session: generations that share a KV cache.
#[pyclass(frozen, module = "wolfgang._wolfgang")]
pub(crate) struct Session(Owned<Mutex<Option<Open>>>);

struct Open {
    session: Arc<Mutex<Inner>>,
    engine: Engine,
}

impl Session {
    pub(crate) fn new(session: Inner, engine: Engine) -> Self {
        let session = Arc::new(Mutex::new(session));
        Self(Owned::new(Mutex::new(Some(Open { session, engine }))))
    }

    fn open(&self) -> PyResult<(Arc<Mutex<Inner>>, Engine)> {
        let open = lock(self.0.get("the session")?);
        let Some(Open { session, engine }) = &*open else {
            return Err(closed_error("the session"));
        };
        Ok((Arc::clone(session), engine.clone()))
    }
}

#[pymethods]
impl Session {
    /// Starts a generation.
    fn stream(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
        processors: Vec<Py<PyAny>>,
        criteria: Vec<Py<PyAny>>,
    ) -> PyResult<Stream> {
        catch(|| {
            let (session, engine) = self.open()?;
            let prompt = OwnedPrompt::from_python(prompt)?;
            let options: GenerateOptions = from_dict(options)?;
            let generation = py.detach(|| lock(&session).generate(prompt.borrow(), &options));
            let generation = generation.map_err(|error| to_exception(&error))?;
            let callbacks = Callbacks::new(processors, criteria);
            Ok(Stream::new(generation, engine, callbacks))
        })
    }

    /// Returns the cached ids.
    fn ids(&self) -> PyResult<Vec<u32>> {
        catch(|| Ok(lock(&*self.open()?.0).ids()))
    }

    /// Truncates the cache.
    fn truncate(&self, len: usize) -> PyResult<()> {
        catch(|| {
            lock(&*self.open()?.0).truncate(len);
            Ok(())
        })
    }

    /// Returns a session with the same cache.
    fn fork(&self) -> PyResult<Self> {
        catch(|| {
            let (session, engine) = self.open()?;
            let session = lock(&session).clone();
            Ok(Self::new(session, engine))
        })
    }

    /// Releases the cache and the model.
    fn close(&self) -> PyResult<()> {
        catch(|| {
            let open = lock(self.0.get("the session")?).take();
            drop(open);
            Ok(())
        })
    }
}
