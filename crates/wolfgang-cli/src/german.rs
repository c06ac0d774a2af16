//! What the command says in German.

mod errors;
mod help;
mod texts;

pub(crate) use errors::error;
pub(crate) use help::translate;
