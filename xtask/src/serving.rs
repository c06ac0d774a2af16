//! Servers as processes, and clients of their interface: for the checks and measurements of
//! `wolfgang serve`.

mod completions;
mod process;

pub(crate) use completions::{Answer, Client, Completion};
pub(crate) use process::{ServerProcess, free_port, wolfgang_serve};
