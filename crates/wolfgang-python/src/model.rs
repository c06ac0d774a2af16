//! Models.

mod open;

use crate::callbacks::Callbacks;
use crate::conversation::Conversation;
use crate::errors::{closed_error, prompt_type_error, to_exception};
use crate::forked::Owned;
use crate::logits::Logits;
use crate::options::{OwnedPrompt, from_dict};
use crate::panic::catch;
use crate::session::Session;
use crate::stream::Stream;
use crate::tokenizer::Tokenizer;
use crate::wait::{lock, run_in_thread};
use open::{Recipe, open};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use pythonize::pythonize;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use wolfgang_generate::{
    Engine, EngineOptions, GenerateError, GenerateOptions, ScoreOptions, WolfgangGenerator,
};

/// Longest time that closing a model waits for the end of running generations.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// A model with its tokenizer, and the engine that runs its generations.
#[pyclass(frozen, module = "wolfgang._wolfgang")]
pub(crate) struct Model {
    state: Owned<Mutex<Option<Open>>>,
    engine_options: EngineOptions,
    checkpoint: Option<PathBuf>,
    tokenizer: Option<PathBuf>,
}

struct Open {
    generator: WolfgangGenerator,
    /// Started by the first generation.
    engine: Option<Engine>,
}

impl Model {
    fn generator(&self) -> PyResult<WolfgangGenerator> {
        let state = lock(self.state.get("the model")?);
        let open = state.as_ref().ok_or_else(|| closed_error("the model"))?;
        Ok(open.generator.clone())
    }

    fn engine(&self) -> PyResult<Engine> {
        let mut state = lock(self.state.get("the model")?);
        let open = state.as_mut().ok_or_else(|| closed_error("the model"))?;
        if let Some(engine) = &open.engine {
            return Ok(engine.clone());
        }
        let engine = Engine::new(open.generator.clone(), self.engine_options.clone());
        let engine = engine.map_err(|error| to_exception(&error))?;
        Ok(open.engine.insert(engine).clone())
    }

    fn start(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
        callbacks: Callbacks,
    ) -> PyResult<Stream> {
        let prompt = OwnedPrompt::from_python(prompt)?;
        let options: GenerateOptions = from_dict(options)?;
        let engine = self.engine()?;
        let generation = py.detach(|| engine.generator().generate(prompt.borrow(), &options));
        let generation = generation.map_err(|error| to_exception(&error))?;
        Ok(Stream::new(generation, engine, callbacks))
    }

    /// Runs a computation with the generator on another thread.
    fn compute<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&WolfgangGenerator) -> Result<T, GenerateError> + Send + 'static,
    ) -> PyResult<T> {
        let generator = self.generator()?;
        let result = run_in_thread(py, move || work(&generator))?;
        result.map_err(|error| to_exception(&error))
    }
}

#[pymethods]
impl Model {
    /// Loads the model that a dictionary describes.
    #[staticmethod]
    fn open(py: Python<'_>, recipe: &Bound<'_, PyDict>) -> PyResult<Self> {
        catch(|| {
            let recipe: Recipe = from_dict(recipe)?;
            let engine_options = recipe.engine.clone();
            let opened = run_in_thread(py, move || open(recipe))?;
            let opened = opened.map_err(|error| to_exception(&error))?;
            Ok(Self {
                state: Owned::new(Mutex::new(Some(Open {
                    generator: opened.generator,
                    engine: None,
                }))),
                engine_options,
                checkpoint: opened.checkpoint,
                tokenizer: opened.tokenizer,
            })
        })
    }

    /// Runs a generation and returns its summary.
    fn generate<'py>(
        &self,
        py: Python<'py>,
        prompt: &Bound<'py, PyAny>,
        options: &Bound<'py, PyDict>,
        processors: Vec<Py<PyAny>>,
        criteria: Vec<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        catch(|| {
            let callbacks = Callbacks::new(processors, criteria);
            self.start(py, prompt, options, callbacks)?.into_summary(py)
        })
    }

    /// Returns a running generation.
    fn stream(
        &self,
        py: Python<'_>,
        prompt: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
        processors: Vec<Py<PyAny>>,
        criteria: Vec<Py<PyAny>>,
    ) -> PyResult<Stream> {
        catch(|| {
            let callbacks = Callbacks::new(processors, criteria);
            self.start(py, prompt, options, callbacks)
        })
    }

    /// Runs several generations in one batch. Returns their summaries and, for those that fail,
    /// their exceptions.
    fn generate_many<'py>(
        &self,
        py: Python<'py>,
        requests: Vec<(Bound<'py, PyAny>, Bound<'py, PyDict>)>,
    ) -> PyResult<Bound<'py, PyList>> {
        catch(|| {
            let start = |(prompt, options): &(Bound<'py, PyAny>, Bound<'py, PyDict>)| {
                let stream = self.start(py, prompt, options, Callbacks::new(vec![], vec![]))?;
                stream.submit();
                Ok(stream)
            };
            let streams: Vec<PyResult<Stream>> = requests.iter().map(start).collect();
            let results = PyList::empty(py);
            for stream in streams {
                let result = stream.and_then(|stream| stream.into_summary(py));
                match result {
                    Ok(summary) => results.append(summary)?,
                    // A signal is not an error of the generation.
                    Err(error) if !error.is_instance_of::<pyo3::exceptions::PyException>(py) => {
                        return Err(error);
                    }
                    Err(error) => results.append(error.into_value(py))?,
                }
            }
            Ok(results)
        })
    }

    /// Computes the log-probabilities of a text.
    fn score<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        options: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        catch(|| {
            let text = OwnedPrompt::from_python(text)?;
            let options: ScoreOptions = from_dict(options)?;
            let score = self.compute(py, move |generator| {
                generator.score_with(text.borrow(), &options)
            })?;
            Ok(pythonize(py, &score)?)
        })
    }

    /// Computes the log-probabilities of continuations of a context.
    fn score_continuations<'py>(
        &self,
        py: Python<'py>,
        context: &Bound<'py, PyAny>,
        continuations: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        catch(|| {
            let context = OwnedPrompt::from_python(context)?;
            let continuations = continuations.iter().map(OwnedPrompt::from_python);
            let continuations: Vec<OwnedPrompt> = continuations.collect::<PyResult<_>>()?;
            let scores = self.compute(py, move |generator| {
                let continuations = continuations.iter().map(OwnedPrompt::borrow);
                generator.score_continuations(context.borrow(), continuations)
            })?;
            Ok(pythonize(py, &scores)?)
        })
    }

    /// Computes the logits of every position of `ids`.
    fn logits(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<Logits> {
        catch(|| {
            let OwnedPrompt::Ids(ids) = OwnedPrompt::from_python(ids)? else {
                return Err(prompt_type_error("ids must be a sequence of int"));
            };
            let rows = ids.len();
            let logits =
                self.compute(py, move |generator| Ok(generator.model().forward(&ids)?))?;
            Ok(Logits::new(logits, rows))
        })
    }

    /// Returns a session.
    fn session(&self) -> PyResult<Session> {
        catch(|| Ok(Session::new(self.generator()?.session(), self.engine()?)))
    }

    /// Returns a conversation.
    fn conversation(&self, system: String) -> PyResult<Conversation> {
        catch(|| {
            let conversation = self.generator()?.conversation(system);
            let conversation = conversation.map_err(|error| to_exception(&error))?;
            Ok(Conversation::new(conversation))
        })
    }

    /// Returns the tokenizer.
    fn tokenizer(&self) -> PyResult<Tokenizer> {
        Ok(Tokenizer(self.generator()?.tokenizer().clone()))
    }

    /// Returns the properties of the model as a dictionary.
    fn properties<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        catch(|| {
            let generator = self.generator()?;
            let model = generator.model();
            let properties = PyDict::new(py);
            properties.set_item("config", pythonize(py, model.config())?)?;
            properties.set_item("n_parameters", model.config().n_parameters())?;
            properties.set_item("dtype", model.precision().as_str())?;
            properties.set_item("cache_dtype", model.cache_precision().as_str())?;
            properties.set_item("threads", model.threads())?;
            properties.set_item("weight_bytes", model.weight_bytes())?;
            properties.set_item("end_ids", generator.end_ids())?;
            properties.set_item("checkpoint", self.checkpoint.as_deref())?;
            properties.set_item("tokenizer", self.tokenizer.as_deref())?;
            Ok(properties)
        })
    }

    /// Returns the load of the engine as a dictionary; `None` before the first generation.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        catch(|| {
            let stats = {
                let state = lock(self.state.get("the model")?);
                let engine = state.as_ref().and_then(|open| open.engine.as_ref());
                engine.map(Engine::stats)
            };
            Ok(pythonize(py, &stats)?)
        })
    }

    /// Cancels all generations, waits for their end, and releases the model.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        catch(|| {
            let open = lock(self.state.get("the model")?).take();
            py.detach(|| {
                if let Some(engine) = open.and_then(|open| open.engine) {
                    engine.abort();
                    let deadline = Instant::now() + CLOSE_LIMIT;
                    while !engine.stats().is_stopped && Instant::now() < deadline {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            });
            Ok(())
        })
    }

    #[getter]
    fn is_closed(&self) -> PyResult<bool> {
        Ok(lock(self.state.get("the model")?).is_none())
    }
}
