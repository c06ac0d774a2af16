//! What the command says in German.

mod errors;
mod help;
mod phases;
mod phrases;
mod texts;

pub(crate) use errors::error;
pub(crate) use help::translate;
pub(crate) use phases::phase;
pub(crate) use phrases::phrase;
