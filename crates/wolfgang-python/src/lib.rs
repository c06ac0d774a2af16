//! The native module `_wolfgang` of the Python package `wolfgang`.
//!
//! It contains handles of models, streams, sessions and conversations. The classes that users see
//! are in `python/wolfgang/`.
//!
//! Three rules hold for every method. The GIL is released while something is computed or waited
//! for. Waiting ends within `wait::INTERVAL` after a signal. A panic becomes the exception
//! `InternalError`.

mod callbacks;
mod conversation;
mod errors;
mod forked;
mod logits;
mod model;
mod options;
mod panic;
mod session;
mod stream;
mod tokenizer;
mod wait;

use pyo3::prelude::*;

/// The native module.
#[pymodule]
mod _wolfgang {
    #[pymodule_export]
    use super::conversation::Conversation;
    #[pymodule_export]
    use super::logits::Logits;
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::options::default_options;
    #[pymodule_export]
    use super::session::Session;
    #[pymodule_export]
    use super::stream::Stream;
    #[pymodule_export]
    use super::tokenizer::Tokenizer;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::panic::silence();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
