//! Parity with the original, the laws of the project, the command, and the README.

mod architecture;
mod checkpoints;
mod command;
mod convert;
mod fixtures;
mod generation;
mod greedy;
mod logits;
mod readme;
mod sampling;
mod tokenizer;
