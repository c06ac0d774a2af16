//! A server with its listener.

use crate::http::{Listening, State, serve};
use crate::{ApiContext, ServeError, ServerOptions, ShutdownHandle};
use std::net::{SocketAddr, TcpListener};
use wolfgang_generate::Engine;

/// An HTTP server that listens on an address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    state: State,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Server");
        shown
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Starts to listen. Clients can connect, and are answered when [`run`](Self::run) is called.
    ///
    /// `engine` and `context` have the same generator. The engine should queue
    /// [`max_choices`](ServerOptions::max_choices) requests.
    ///
    /// # Errors
    /// [`ServeError::Bind`].
    pub fn bind(
        engine: Engine,
        context: ApiContext,
        options: ServerOptions,
    ) -> Result<Self, ServeError> {
        let address = options.address;
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) =
            listen().map_err(|source| ServeError::Bind { address, source })?;
        Ok(Self {
            listener,
            address,
            state: State::new(engine, context, options, ShutdownHandle::default()),
        })
    }

    /// Returns the address that the server listens on, with the port that was selected.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a handle that shuts down the server.
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        self.state.shutdown.clone()
    }

    /// Serves on this thread until the shutdown is complete.
    ///
    /// # Errors
    /// [`ServeError::Runtime`].
    pub fn run(self) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(1)
            .build();
        let serve = |runtime: tokio::runtime::Runtime| {
            let served = runtime.block_on(serve(self.state, Listening(self.listener)));
            // A long body may still be parsed, for a client that is gone.
            runtime.shutdown_background();
            served
        };
        runtime
            .and_then(serve)
            .map_err(|source| ServeError::Runtime { source })
    }
}
