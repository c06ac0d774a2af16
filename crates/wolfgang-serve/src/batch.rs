//! Batch files: requests and responses as lines of a file, in the format of OpenAI's Batch API.

mod error;
mod input;
mod output;
mod seed;

pub use error::BatchError;

use crate::api::{ApiContext, ApiError, ApiRequest, ApiResponse};
use input::{InputLine, LineError};
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, Write};
use std::num::NonZeroUsize;
use wolfgang_generate::{Engine, EngineOptions, GenerateError, GenerationHandle};

/// Answers the requests of a batch file, several at once, in the order of the file.
///
/// Each line of the input is `{"custom_id", "method", "url", "body"}`, and gives one line of the
/// output, `{"id", "custom_id", "response": {"status_code", "request_id", "body"}, "error"}`. A
/// request that the server would refuse has the status code and the body of that response. A line
/// that is not a request has `error` instead of `response`. Empty lines are skipped.
///
/// A body without a seed gets one that depends only on the seed of the runner and on the
/// `custom_id`, so the texts do not depend on the order of the lines, on the number of requests
/// that run at once, or on interruptions.
#[derive(Debug)]
pub struct BatchRunner {
    engine: Engine,
    context: ApiContext,
    seed: u64,
    /// Number of lines or choices in progress from which no further line is read.
    max_pending: usize,
    /// Number of input lines read.
    line: usize,
    /// The lines in which each `custom_id` was first used.
    first_lines: HashMap<String, usize>,
    counts: BatchCounts,
}

/// Numbers of lines of a batch file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchCounts {
    /// Lines of the output that [`BatchRunner::resume`] kept.
    pub kept: usize,
    /// Requests that were answered.
    pub answered: usize,
    /// Lines that were not requests, and requests that were refused or failed.
    pub failed: usize,
}

/// A line whose response is not written yet.
struct Pending {
    custom_id: Option<String>,
    work: Result<Work, Failure>,
}

struct Work {
    request: ApiRequest,
    handles: Vec<GenerationHandle>,
}

enum Failure {
    Line(LineError),
    Request(ApiError),
}

impl BatchRunner {
    /// Creates a runner and its engine, which runs up to `max_running` choices at once.
    ///
    /// # Errors
    /// [`GenerateError::EngineThread`].
    pub fn new(
        context: ApiContext,
        seed: u64,
        max_running: NonZeroUsize,
    ) -> Result<Self, GenerateError> {
        // Nobody reads along, so the prompts need not be computed in small chunks.
        let options = EngineOptions::default()
            .with_max_running(max_running.get())
            .with_max_queued(usize::MAX)
            .with_max_prefill_rows(NonZeroUsize::new(256));
        Ok(Self {
            engine: Engine::new(context.generator.clone(), options)?,
            context,
            seed,
            max_pending: max_running.get().saturating_mul(4),
            line: 0,
            first_lines: HashMap::new(),
            counts: BatchCounts::default(),
        })
    }

    /// Skips the input lines that an earlier, interrupted run has answered in `output`. Returns the
    /// size of the complete lines of `output` in bytes, after which [`run`](Self::run) continues.
    ///
    /// # Errors
    /// [`BatchError::Read`], [`BatchError::NotOutput`], and [`BatchError::OtherInput`] or
    /// [`BatchError::MoreOutput`] if the lines do not have the `custom_id`s of the first lines of
    /// the input.
    pub fn resume(
        &mut self,
        input: &mut impl BufRead,
        output: &mut impl BufRead,
    ) -> Result<u64, BatchError> {
        let mut kept = 0;
        loop {
            let mut line = Vec::new();
            output
                .read_until(b'\n', &mut line)
                .map_err(BatchError::read_output)?;
            let output_line = self.counts.kept + 1;
            if line.last() != Some(&b'\n') {
                return match output::is_beginning(&line) {
                    true => Ok(kept),
                    false => Err(BatchError::NotOutput { line: output_line }),
                };
            }
            let found = output::custom_id(&line);
            let found = found.ok_or(BatchError::NotOutput { line: output_line })?;
            let Some(input_line) = self.next_line(input)? else {
                return Err(BatchError::MoreOutput { line: output_line });
            };
            let expected = self.note(InputLine::parse(&input_line).custom_id);
            if found != expected {
                return Err(BatchError::OtherInput {
                    line: output_line,
                    found,
                    input_line: self.line,
                    expected,
                });
            }
            kept += line.len() as u64;
            self.counts.kept = output_line;
        }
    }

    /// Answers the lines of the input, and writes each response as soon as it and those before it
    /// are complete, with one call of [`Write::write_all`].
    ///
    /// # Errors
    /// [`BatchError::Read`], [`BatchError::Write`] and [`BatchError::EngineStopped`].
    pub fn run(
        mut self,
        mut input: impl BufRead,
        mut output: impl Write,
    ) -> Result<BatchCounts, BatchError> {
        let mut pending: VecDeque<Pending> = VecDeque::new();
        let mut is_at_end = false;
        loop {
            while !is_at_end && self.has_room(&pending) {
                match self.next_line(&mut input)? {
                    Some(line) => pending.push_back(self.start(&line)),
                    None => is_at_end = true,
                }
            }
            let Some(first) = pending.pop_front() else {
                return Ok(self.counts);
            };
            let line = self.finish(first);
            // The requests can be answered by another run.
            if self.engine.stats().is_stopped {
                return Err(BatchError::EngineStopped);
            }
            let written = output.write_all(line.as_bytes());
            written.map_err(|source| BatchError::Write { source })?;
        }
    }

    /// Reads the next line that is not empty.
    fn next_line(&mut self, input: &mut impl BufRead) -> Result<Option<Vec<u8>>, BatchError> {
        loop {
            let line = input::read_line(input).map_err(BatchError::read_input)?;
            if line.is_empty() {
                return Ok(None);
            }
            self.line += 1;
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    /// Notes that the current line has this `custom_id`, and returns it.
    fn note(&mut self, custom_id: Option<String>) -> Option<String> {
        if let Some(id) = &custom_id {
            self.first_lines.entry(id.clone()).or_insert(self.line);
        }
        custom_id
    }

    /// Submits the request of a line.
    fn start(&mut self, line: &[u8]) -> Pending {
        let InputLine { custom_id, call } = InputLine::parse(line);
        let custom_id = self.note(custom_id);
        let work = call.map_err(|error| self.failure(error)).and_then(|call| {
            let first = self.first_lines.get(&call.custom_id);
            if let Some(first) = first.filter(|first| **first != self.line) {
                let error = LineError::duplicate(&call.custom_id, *first);
                return Err(self.failure(error));
            }
            let request = call.into_request(self.seed, &self.context);
            let work = request.and_then(|request| self.submit(request));
            work.map_err(Failure::Request)
        });
        Pending { custom_id, work }
    }

    /// An error of the current line.
    fn failure(&self, mut error: LineError) -> Failure {
        error.message = format!("line {}: {}", self.line, error.message);
        Failure::Line(error)
    }

    fn submit(&self, request: ApiRequest) -> Result<Work, ApiError> {
        let choices = request.choices(&self.context)?.into_iter();
        let handles = choices.map(|choice| self.engine.submit_generation(choice.generation));
        let handles = handles.collect::<Result<_, _>>()?;
        Ok(Work { request, handles })
    }

    /// Waits for the response, and returns the line of the output.
    fn finish(&mut self, pending: Pending) -> String {
        let Pending { custom_id, work } = pending;
        let id = output::id(custom_id.as_deref());
        let response = work.and_then(|work| {
            let json = self.response(work, &id);
            json.map_err(Failure::Request)
        });
        match response {
            Ok(json) => {
                self.counts.answered += 1;
                output::response(&id, custom_id.as_deref(), 200, &json)
            }
            Err(failure) => {
                self.counts.failed += 1;
                match failure {
                    Failure::Request(error) => {
                        let json = error.to_json();
                        output::response(&id, custom_id.as_deref(), error.status, &json)
                    }
                    Failure::Line(error) => output::error(&id, custom_id.as_deref(), &error),
                }
            }
        }
    }

    fn response(&self, work: Work, id: &str) -> Result<String, ApiError> {
        let Work { request, handles } = work;
        let summaries = handles.into_iter().map(|handle| {
            let mut summary = handle.into_summary()?;
            // It depends on which other requests run at the same time.
            summary.cached_tokens = 0;
            Ok(summary)
        });
        let summaries = summaries.collect::<Result<_, GenerateError>>()?;
        Ok(ApiResponse::new(&request, &self.context, id, summaries).json)
    }

    /// Whether to read a further line. Lines that wait for the first one take memory.
    fn has_room(&self, pending: &VecDeque<Pending>) -> bool {
        let choices = |one: &Pending| one.work.as_ref().map_or(0, |work| work.handles.len());
        let in_engine: usize = pending.iter().map(choices).sum();
        in_engine.max(pending.len()) < self.max_pending
    }
}
