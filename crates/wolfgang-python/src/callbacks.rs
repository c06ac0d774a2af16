//! Logits processors and stopping criteria that are Python functions.

use crate::wait::lock;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyList};
use std::sync::{Arc, Mutex};
use wolfgang_generate::{
    Generation, History, LogitsProcessor, Reply, StoppingContext, StoppingCriterion,
};

/// The first exception that a callback of a generation raised.
pub(crate) type Raised = Arc<Mutex<Option<PyErr>>>;

/// The callbacks of a generation.
#[derive(Debug)]
pub(crate) struct Callbacks {
    processors: Vec<Py<PyAny>>,
    criteria: Vec<Py<PyAny>>,
    raised: Raised,
}

impl Callbacks {
    pub(crate) fn new(processors: Vec<Py<PyAny>>, criteria: Vec<Py<PyAny>>) -> Self {
        Self {
            processors,
            criteria,
            raised: Raised::default(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.processors.is_empty() && self.criteria.is_empty()
    }

    /// Where the exception of a callback is stored.
    pub(crate) fn raised(&self) -> Raised {
        Arc::clone(&self.raised)
    }

    /// Adds the callbacks to a generation.
    pub(crate) fn add_to(self, mut generation: Generation) -> Generation {
        let raised = self.raised;
        for function in self.processors {
            let raised = Arc::clone(&raised);
            generation = generation.with_processor(Callback { function, raised });
        }
        for function in self.criteria {
            let raised = Arc::clone(&raised);
            generation = generation.with_stopping(Callback { function, raised });
        }
        generation.with_stopping(HasRaised(raised))
    }

    /// Adds the callbacks to a reply.
    pub(crate) fn add_to_reply(self, mut reply: Reply) -> Reply {
        let raised = self.raised;
        for function in self.processors {
            let raised = Arc::clone(&raised);
            reply = reply.with_processor(Callback { function, raised });
        }
        for function in self.criteria {
            let raised = Arc::clone(&raised);
            reply = reply.with_stopping(Callback { function, raised });
        }
        reply.with_stopping(HasRaised(raised))
    }
}

/// A Python function and where its exception is stored.
struct Callback {
    function: Py<PyAny>,
    raised: Raised,
}

impl Callback {
    /// Calls the function, unless a callback has raised an exception.
    fn call<T>(
        &self,
        call: impl FnOnce(Python<'_>, &Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Option<T> {
        if lock(&self.raised).is_some() {
            return None;
        }
        Python::attach(|py| match call(py, self.function.bind(py)) {
            Ok(value) => Some(value),
            Err(error) => {
                *lock(&self.raised) = Some(error);
                None
            }
        })
    }
}

impl LogitsProcessor for Callback {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        let bytes: Vec<u8> = logits
            .iter()
            .flat_map(|logit| logit.to_ne_bytes())
            .collect();
        let changed = self.call(|py, function| {
            let buffer = PyByteArray::new(py, &bytes);
            let prompt = PyList::new(py, history.prompt)?;
            let generated = PyList::new(py, history.generated)?;
            function.call1((prompt, generated, &buffer))?;
            Ok(buffer.to_vec())
        });
        let changed = changed.unwrap_or_default();
        for (logit, bytes) in logits.iter_mut().zip(changed.as_chunks().0) {
            *logit = f32::from_ne_bytes(*bytes);
        }
    }
}

impl StoppingCriterion for Callback {
    fn is_met(&mut self, context: &StoppingContext<'_>) -> bool {
        let met = self.call(|py, function| {
            let prompt = PyList::new(py, context.prompt)?;
            let generated = PyList::new(py, context.generated)?;
            let met = function.call1((prompt, generated, context.text))?;
            met.is_truthy()
        });
        met.unwrap_or(false)
    }
}

/// Ends the generation after the exception of a callback.
struct HasRaised(Raised);

impl StoppingCriterion for HasRaised {
    fn is_met(&mut self, _: &StoppingContext<'_>) -> bool {
        lock(&self.0).is_some()
    }
}
