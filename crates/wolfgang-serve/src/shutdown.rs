//! Shutdown in two phases: running requests are finished, then the rest is cancelled.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    #[default]
    Serving,
    /// New requests are refused, and running ones are finished.
    Draining,
    /// Running requests end with an error.
    Aborting,
}

/// Shuts down a [`Server`](crate::Server) from another thread.
#[derive(Clone, Debug)]
pub struct ShutdownHandle(watch::Sender<Phase>);

impl Default for ShutdownHandle {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }
}

impl ShutdownHandle {
    /// Lets the server finish the running requests, for at most
    /// [`shutdown_timeout`](crate::ServerOptions::shutdown_timeout), and refuse further ones. Then
    /// [`Server::run`](crate::Server::run) returns.
    pub fn shut_down(&self) {
        self.advance(Phase::Draining);
    }

    pub(crate) fn advance(&self, to: Phase) {
        self.0.send_if_modified(|phase| {
            let changes = *phase < to;
            *phase = to.max(*phase);
            changes
        });
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until this phase or a later one.
    pub(crate) async fn reached(&self, phase: Phase) {
        let mut receiver = self.0.subscribe();
        // The sender exists as long as this handle.
        let _ = receiver.wait_for(|current| *current >= phase).await;
    }
}
