//! Admission of requests.
//!
//! Two numbers of choices are limited: those in the engine, and those whose response has not been
//! sent. A choice leaves the engine when its text is complete, however slowly its client reads; the
//! second limit bounds the memory of texts that wait for their clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Limit of the choices whose response has not been sent, as a multiple of the limit of the choices
/// in the engine, which are among them.
const UNSENT_PER_CHOICE: usize = 2;

#[derive(Debug)]
pub(crate) struct Admission {
    engine: Arc<Places>,
    responses: Arc<Places>,
}

#[derive(Debug)]
struct Places {
    taken: AtomicUsize,
    limit: usize,
}

/// Places of choices, which are free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    places: Arc<Places>,
    choices: usize,
}

/// The places of a request.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// To be held until the engine has finished.
    pub(crate) engine: Permit,
    /// To be held until the response has been sent.
    pub(crate) response: Permit,
}

impl Places {
    fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            taken: AtomicUsize::new(0),
            limit,
        })
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    fn add(&self, choices: usize) -> bool {
        let room = |now: usize| now.checked_add(choices).filter(|all| *all <= self.limit);
        let (set, get) = (Ordering::AcqRel, Ordering::Relaxed);
        self.taken.fetch_update(set, get, room).is_ok()
    }

    fn take(self: &Arc<Self>, choices: usize) -> Option<Permit> {
        self.add(choices).then(|| Permit {
            places: Arc::clone(self),
            choices,
        })
    }
}

impl Admission {
    /// `limit` is that of the choices in the engine.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            engine: Places::new(limit),
            responses: Places::new(limit.saturating_mul(UNSENT_PER_CHOICE)),
        }
    }

    /// The number of choices in the engine, or about to be.
    pub(crate) fn in_progress(&self) -> usize {
        self.engine.taken()
    }

    /// The number of choices whose response has not been sent.
    pub(crate) fn unsent(&self) -> usize {
        self.responses.taken()
    }

    pub(crate) fn limit(&self) -> usize {
        self.engine.limit
    }

    /// Whether a request would be admitted now. It takes no place, so that none is held while the
    /// body of the request arrives.
    pub(crate) fn has_room(&self) -> bool {
        let has_room = |places: &Places| places.taken() < places.limit;
        has_room(&self.engine) && has_room(&self.responses)
    }

    /// Admits a request, which has at least one choice.
    pub(crate) fn admit(&self) -> Option<Admitted> {
        Some(Admitted {
            engine: self.engine.take(1)?,
            response: self.responses.take(1)?,
        })
    }
}

impl Admitted {
    /// Admits the other choices of the request.
    pub(crate) fn extend_to(&mut self, choices: usize) -> bool {
        self.engine.extend_to(choices) && self.response.extend_to(choices)
    }
}

impl Permit {
    fn extend_to(&mut self, choices: usize) -> bool {
        let more = choices.saturating_sub(self.choices);
        let has_room = self.places.add(more);
        if has_room {
            self.choices += more;
        }
        has_room
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(self.choices, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_beyond_the_limit_are_not_admitted_until_others_leave() {
        let admission = Admission::new(4);
        let mut first = admission.admit().unwrap();
        assert!(first.extend_to(3));
        let second = admission.admit().unwrap();
        assert!(!admission.has_room());
        assert!(admission.admit().is_none());
        assert!(!first.extend_to(4));
        drop(second);
        assert!(first.extend_to(4));
        drop(first);
        assert_eq!((admission.in_progress(), admission.unsent()), (0, 0));
    }

    #[test]
    fn texts_that_have_not_been_sent_are_limited_too() {
        let admission = Admission::new(1);
        let unsent: Vec<Permit> = (0..UNSENT_PER_CHOICE)
            .map(|_| admission.admit().unwrap().response)
            .collect();
        assert_eq!(admission.in_progress(), 0);
        assert!(!admission.has_room());
        assert!(admission.admit().is_none());
        drop(unsent);
        assert!(admission.admit().is_some());
    }
}
