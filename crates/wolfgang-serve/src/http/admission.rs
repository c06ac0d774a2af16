//! Admission of requests before their bodies are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of choices in progress, and its limit.
#[derive(Debug)]
pub(crate) struct Admission {
    in_progress: AtomicUsize,
    limit: usize,
}

/// Choices that have been admitted. They leave when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    choices: usize,
}

impl Admission {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            in_progress: AtomicUsize::new(0),
            limit,
        })
    }

    pub(crate) fn in_progress(&self) -> usize {
        self.in_progress.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    fn add(&self, choices: usize) -> bool {
        let room = |now: usize| now.checked_add(choices).filter(|all| *all <= self.limit);
        let (set, get) = (Ordering::AcqRel, Ordering::Relaxed);
        self.in_progress.fetch_update(set, get, room).is_ok()
    }

    /// Admits a request, which has at least one choice.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Permit> {
        self.add(1).then(|| Permit {
            admission: Arc::clone(self),
            choices: 1,
        })
    }
}

impl Permit {
    /// Admits the other choices of a request.
    pub(crate) fn extend_to(&mut self, choices: usize) -> bool {
        let more = choices.saturating_sub(self.choices);
        let has_room = self.admission.add(more);
        if has_room {
            self.choices += more;
        }
        has_room
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let choices = self.choices;
        self.admission
            .in_progress
            .fetch_sub(choices, Ordering::AcqRel);
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
        assert!(admission.admit().is_none());
        assert!(!first.extend_to(4));
        drop(second);
        assert!(first.extend_to(4));
        drop(first);
        assert_eq!(admission.in_progress(), 0);
    }
}
