//! Events between the engine and a stream's connection.
//!
//! They are moved from the engine by a task, however slowly the client reads, and wait as pieces:
//! text, ids and log-probabilities, of which a choice has at most one context. Without
//! log-probabilities that is a few bytes per token.

use crate::api::Pieces;
use crate::http::admission::Permit;
use crate::http::submitted::Submitted;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::task::JoinSet;
use wolfgang_generate::{Event, GenerateError};

/// Number of names of tokens in a piece after which the next begins. A piece is rendered at once on
/// the thread of the connections. An echoed prompt is never divided.
const NAMES_PER_PIECE: usize = 1024;

/// Pieces of the choices of a request that have not been rendered. Dropping it cancels their
/// generations.
pub(crate) struct Backlog {
    waiting: Arc<Mutex<Waiting>>,
    /// The task that moves the events.
    _task: JoinSet<()>,
}

struct Waiting {
    /// Of each choice.
    pieces: Vec<VecDeque<Pieces>>,
    /// The choice of the piece that is taken next, if it has one.
    next: usize,
    error: Option<GenerateError>,
    reader: Option<Waker>,
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Waiting {
    fn push(&mut self, at: usize, event: Result<Event, GenerateError>) {
        let pieces = &mut self.pieces[at];
        match event {
            Ok(event) => {
                if pieces
                    .back()
                    .is_none_or(|last| last.names >= NAMES_PER_PIECE)
                {
                    pieces.push_back(Pieces::default());
                }
                if let Some(last) = pieces.back_mut() {
                    last.push(event);
                }
            }
            Err(error) => self.error = Some(error),
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Backlog {
    /// `permit` is dropped when the engine has finished.
    pub(crate) fn new(submitted: Vec<Submitted>, permit: Permit) -> Self {
        let waiting = Arc::new(Mutex::new(Waiting {
            pieces: submitted.iter().map(|_| VecDeque::new()).collect(),
            next: 0,
            error: None,
            reader: None,
        }));
        let mut task = JoinSet::new();
        task.spawn(forward(submitted, Arc::clone(&waiting), permit));
        Self {
            waiting,
            _task: task,
        }
    }

    /// Takes the next piece of a choice, with the index of the choice. The choices take turns.
    pub(crate) fn poll_next(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(usize, Pieces), GenerateError>> {
        let mut waiting = lock(&self.waiting);
        let n = waiting.pieces.len();
        let next = waiting.next;
        let indices = (next..n).chain(0..next);
        for at in indices {
            if let Some(pieces) = waiting.pieces[at].pop_front() {
                waiting.next = (at + 1) % n;
                return Poll::Ready(Ok((at, pieces)));
            }
        }
        if let Some(error) = waiting.error.take() {
            return Poll::Ready(Err(error));
        }
        waiting.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Moves the events of the choices until all have ended.
async fn forward(submitted: Vec<Submitted>, waiting: Arc<Mutex<Waiting>>, permit: Permit) {
    let mut choices: Vec<_> = submitted.into_iter().map(Some).collect();
    poll_fn(|context| {
        let mut are_over = true;
        for (at, choice) in choices.iter_mut().enumerate() {
            while let Some(submitted) = choice {
                let Poll::Ready(event) = submitted.poll_event(context) else {
                    are_over = false;
                    break;
                };
                if matches!(event, None | Some(Err(_) | Ok(Event::Finished(_)))) {
                    *choice = None;
                }
                if let Some(event) = event {
                    lock(&waiting).push(at, event);
                }
            }
        }
        match are_over {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    drop(permit);
}
