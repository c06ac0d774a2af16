//! Benchmarks of Wolfgang-LM models: load time, time to the first token, peak memory, throughput of
//! prefill and decoding, and the roofline limits of the machine.
//!
//! A part of the `wolfgang` command that has a crate of its own: its interface may change in any
//! version.
//!
//! ```no_run
//! use wolfgang_bench::{Bench, BenchError, BenchOptions, CASE_COMMAND, run_case};
//!
//! fn main() -> Result<(), BenchError> {
//!     // Each measurement runs this program again, with these two arguments.
//!     let arguments: Vec<String> = std::env::args().skip(1).collect();
//!     if let [command, case] = &arguments[..]
//!         && command == CASE_COMMAND
//!     {
//!         println!("{}", run_case(case)?);
//!         return Ok(());
//!     }
//!
//!     // Random weights of a 75M model in f32, on the best device.
//!     let bench = Bench::new(&BenchOptions::default())?;
//!     for configuration in bench.configurations() {
//!         let report = bench.measure(configuration)?;
//!         for decode in &report.decode {
//!             println!("{}: {:.1} tokens/s", decode.at, decode.tokens_per_second.median);
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`Bench::measure`] measures in processes of their own, so that load times and peak memory are
//! those of one model. It starts the current executable with the arguments [`CASE_COMMAND`] and a
//! case. The program must then print the result of [`run_case`], or print an error as the last line
//! of standard error and end with an exit code other than 0.
//!
//! Prefill, decoding and the limits of the machine are measured in turn, as often as
//! [`BenchOptions::repetitions`] says, so that other load on the machine affects all of them alike.
//! The share of a limit ([`Throughput::limit_share`]) compares values of the same turn.

mod bench;
mod case;
mod error;
mod forward;
mod load_time;
mod memory;
mod options;
mod process;
mod report;
mod roofline;
mod statistics;
mod table;
mod throughput;

pub use bench::Bench;
pub use case::Configuration;
pub use error::BenchError;
pub use memory::peak_memory_bytes;
pub use options::{BenchOptions, MAX_SEQUENCES};
pub use process::{CASE_COMMAND, run_case};
pub use report::{BatchThroughput, BenchReport, OpTime, Throughput};
pub use statistics::Statistics;
