//! What all handlers share.

use crate::api::{ApiContext, ApiError};
use crate::http::admission::Admission;
use crate::http::page::Page;
use crate::http::security::Security;
use crate::http::stall::StallDetector;
use crate::metrics::Metrics;
use crate::options::ServerOptions;
use crate::shutdown::{Phase, ShutdownHandle};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::sync::Semaphore;
use wolfgang_generate::Engine;

/// The state of the server, shared by its connections.
#[derive(Clone)]
pub(crate) struct State(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) context: ApiContext,
    pub(crate) options: ServerOptions,
    pub(crate) security: Security,
    pub(crate) admission: Admission,
    /// Places of requests of `/tokenize`, `/detokenize` and `/apply-template`.
    pub(crate) token_requests: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: ShutdownHandle,
    pub(crate) page: Page,
    pub(crate) connections: AtomicUsize,
    pub(crate) stall: StallDetector,
}

impl std::ops::Deref for State {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl State {
    pub(crate) fn new(
        engine: Engine,
        context: ApiContext,
        options: ServerOptions,
        shutdown: ShutdownHandle,
    ) -> Self {
        Self(Arc::new(Shared {
            engine,
            context,
            security: Security::new(&options),
            admission: Admission::new(options.max_choices),
            token_requests: Arc::new(Semaphore::new(options.max_token_requests)),
            metrics: Metrics::default(),
            shutdown,
            page: Page::new(),
            connections: AtomicUsize::new(0),
            stall: StallDetector::new(),
            options,
        }))
    }

    /// An error unless the server takes requests.
    pub(crate) fn check_serving(&self) -> Result<(), ApiError> {
        match self.shutdown.phase() {
            Phase::Serving => Ok(()),
            _ => Err(ApiError::shutting_down()),
        }
    }
}
